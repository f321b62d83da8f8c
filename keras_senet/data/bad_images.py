"""Images that cannot be read: named, counted, and replaced or left out."""

import collections.abc
import contextlib
import re
import threading
import typing
from collections.abc import Iterable, Iterator, Mapping

if typing.TYPE_CHECKING:
    from keras_senet.data.dataset import Dataset
    from keras_senet.data.split import Examples

# An error of Python in the text of the error that TensorFlow makes of it.
WRAPPED = re.compile(r"\b\w+(?:Error|Exception): ([^\n]+)\nTraceback")
LAST = "The last one was"  # ends every refusal, whatever text of TensorFlow surrounds it


class BadImages(collections.abc.Mapping):
    """The unreadable images found so far: a mapping from path to reason, for several threads.

    Args:
        limit: How many are tolerated in all; `None`: a tenth of each split's own, at least one.
        splits: The splits, under their names in messages.

    Attributes:
        refusal: The ValueError that was raised for too many, or `None`.
    """

    def __init__(self, limit: int | None = None, splits: Mapping[str, "Examples"] | None = None):
        self.limit = limit
        self.refusal = None
        self._splits = dict(splits or {})
        self._reasons = {}
        self._indices = collections.defaultdict(set)  # name of a split -> its unreadable items
        self._lock = threading.Lock()

    def __getitem__(self, path):
        return self._reasons[path]

    def __iter__(self):
        with self._lock:
            return iter(tuple(self._reasons))

    def __len__(self):
        return len(self._reasons)

    def __repr__(self):
        return f"BadImages({dict(self)})"

    def add(self, split: "Examples", index: int, reason: object) -> None:
        """Notes an unreadable image; raises a ValueError if these are too many, or all."""
        what = next((what for what, one in self._splits.items() if one is split), "")
        with self._lock:
            self._reasons[split.name(index)] = str(reason)
            self._indices[what].add(int(index))
            count = len(self._indices[what])
            total = sum(map(len, self._indices.values()))
        if self.limit is not None and total > self.limit:
            self.refuse(
                f"{total} image{'s' * (total != 1)} cannot be read, more than max_bad_images="
                f"{self.limit}. Repair or remove them, or allow more."
            )
        if count == len(split):
            self.refuse(f"None of the {count} {what} images can be read.")
        if self.limit is None and count > max(1, len(split) // 10):
            self.refuse(
                f"{count} of {len(split)} {what} images cannot be read, more than a tenth. Repair "
                "or remove them, or allow more by max_bad_images."
            )

    def read(self, split: "Examples", indices: Iterable[int]) -> tuple | None:
        """Pixels and label of the first readable image among the indices, or `None`."""
        for index in indices:
            try:
                return split.read(index)
            except (ValueError, OSError) as error:
                self.add(split, index, error)
        return None

    def probe(self, split: "Examples") -> None:
        """Reads images until one is readable: a wrong folder or a URL is refused at once."""
        if not split.holds_pixels:
            # Without Pillow JPEG files alone are read.
            with contextlib.suppress(ImportError):
                self.read(split, range(len(split)))

    def refuse(self, sentence: str) -> typing.NoReturn:
        """Raises a ValueError that names the last unreadable image, and keeps it as `refusal`."""
        with self._lock:
            path, reason = next(reversed(self._reasons.items()))
        self.refusal = ValueError(f"{sentence} {LAST} {path}: {reason}")
        raise self.refusal

    @contextlib.contextmanager
    def unwrapped(self) -> Iterator[None]:
        """A `with` block that raises errors of reading as a ValueError of one sentence.

        TensorFlow, whose threads read the images, wraps it into an error of a hundred lines.
        """
        try:
            yield
        except Exception as error:
            if self.refusal is not None and LAST in str(error):
                raise ValueError(str(self.refusal)) from None
            wrapped = WRAPPED.search(str(error))
            if wrapped is None or not type(error).__module__.startswith("tensorflow"):
                raise
            raise ValueError(f"The data cannot be read: {wrapped[1]}") from error


def check(dataset: "Dataset") -> dict[str, str]:
    """Reads every image of a data set.

    Args:
        dataset: A `Dataset`.

    Returns:
        A mapping from the path of each unreadable image to the reason, in the order of the data.

    Example:
        >>> from keras_senet import data
        >>> data.check(data.load("digits"))
        {}
    """
    from concurrent.futures import ThreadPoolExecutor

    def reason(split, index):
        try:
            split.read(index)
        except (ValueError, OSError) as error:
            return split.name(index), str(error)

    bad = {}
    with ThreadPoolExecutor() as pool:
        for split in dataset.splits.values():
            if not split.holds_pixels:
                found = pool.map(lambda index, split=split: reason(split, index), range(len(split)))
                bad.update(pair for pair in found if pair)
    return bad
