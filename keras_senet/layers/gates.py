"""The gates of an SE block: functions of a number, and the numbers where they have a value."""

import math
import numbers

from keras import ops


def doubled_sigmoid(x):
    """Twice the sigmoid: exactly 1 at 0."""
    return 2 * ops.sigmoid(x)


GATES = {
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "hard_sigmoid": "hard_sigmoid",
    "doubled_sigmoid": doubled_sigmoid,
}
# Between these two values lie those that a gate has where it can learn, and this is its inverse.
INVERSES = {
    "sigmoid": (0, 1, lambda value: math.log(value / (1 - value))),
    "tanh": (-1, 1, math.atanh),
    "relu": (0, math.inf, float),
    "hard_sigmoid": (0, 1, lambda value: 6 * value - 3),
    "doubled_sigmoid": (0, 2, lambda value: math.log(value / (2 - value))),
}


def check_gate(gate: str) -> None:
    """Raises ValueError if no gate has this name."""
    if gate not in GATES:
        raise ValueError(f"Argument `gate` must be one of {tuple(GATES)}. Received: {gate!r}")


def bias_for(gate: str, start: float) -> float:
    """The bias with which a gate of kernels that contribute nothing has the value `start`.

    Raises:
        ValueError: If the gate has no such value, or no gradient there.
    """
    least, most, inverse = INVERSES[gate]
    is_number = isinstance(start, numbers.Real) and not isinstance(start, bool)
    if not is_number or not least < start < most:
        raise ValueError(
            f"Argument `start` must be None or a number between {least} and {most}, where the gate "
            f"{gate!r} can learn. Received: {start!r}"
        )
    return inverse(float(start))
