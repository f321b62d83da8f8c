"""Limits of the numbers in the fields of augmentations and recipes."""

import dataclasses
import math
import numbers
from collections.abc import Mapping

from keras_senet.weights.fields import is_integer


@dataclasses.dataclass(frozen=True)
class Limit:
    """The numbers that a field may hold; they are finite.

    Attributes:
        least: The least of them.
        most: The greatest of them.
        above: Whether `least` itself is left out.
        below: Whether `most` itself is left out.
        whole: Whether they are whole.
        optional: Whether `None` stands for none of them.
    """

    least: float = 0
    most: float = math.inf
    above: bool = False
    below: bool = False
    whole: bool = False
    optional: bool = False

    def __str__(self):
        """`a finite number from 0 to below 1`."""
        text = "a whole number" if self.whole else "a finite number"
        text += f" {'above' if self.above else 'from'} {self.least:g}"
        if self.most < math.inf:
            text += f" to {'below ' if self.below else ''}{self.most:g}"
        return f"{text}, or None" if self.optional else text

    def allows(self, value: object) -> bool:
        """Whether a field may hold this."""
        if value is None:
            return self.optional
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            return False
        number = float(value)
        if not math.isfinite(number) or (self.whole and not is_integer(value)):
            return False
        low = number > self.least if self.above else number >= self.least
        return low and (number < self.most if self.below else number <= self.most)


def check(instance: object, limits: Mapping[str, Limit]) -> None:
    """Raises a ValueError that names the first field whose value is out of its limits."""
    for field, limit in limits.items():
        value = getattr(instance, field)
        if not limit.allows(value):
            raise ValueError(f"Field `{field}` must be {limit}. Received: {value!r}")
