"""Images that cannot be read: named, counted, and replaced or left out."""

import collections.abc
import threading
import typing
from collections.abc import Iterable

if typing.TYPE_CHECKING:
    from keras_senet.data.dataset import Dataset
    from keras_senet.data.split import Examples


class BadImages(collections.abc.Mapping):
    """The unreadable images found so far: a mapping from path to reason, for several threads.

    Args:
        limit: How many are tolerated.

    Attributes:
        refusal: The ValueError that was raised for too many, or `None`. TensorFlow, whose threads
            read the images, wraps it into an error of many lines.
    """

    def __init__(self, limit: int):
        self.limit = limit
        self.refusal = None
        self._reasons = {}
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

    def add(self, path: str, reason: object) -> None:
        """Notes an unreadable image; raises a ValueError if there are more than `limit`."""
        with self._lock:
            self._reasons[path] = str(reason)
            count = len(self._reasons)
        if count > self.limit:
            self.refusal = ValueError(
                f"{count} images cannot be read, more than max_bad_images={self.limit}. Repair or "
                f"remove them, or allow more. The last one was {path}: {reason}"
            )
            raise self.refusal

    def read(self, split: "Examples", indices: Iterable[int]) -> tuple | None:
        """Pixels and label of the first readable image among the indices, or `None`."""
        for index in indices:
            try:
                return split.read(index)
            except (ValueError, OSError) as error:
                self.add(split.name(index), error)
        return None

    def refuse(self, message: str) -> typing.NoReturn:
        """Raises a ValueError and keeps it as `refusal`."""
        self.refusal = ValueError(message)
        raise self.refusal


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
