"""Images to judge by that are training images too: copies, byte for byte."""

import collections
import contextlib
import hashlib
import os

from keras_senet.data.split import Split
from keras_senet.data.subset import evenly_spaced

LOOKED_AT = 1000  # images to judge by
MOST = 200_000  # training files that are asked for their size: a disk far away takes its time


def copies(training: Split, judged: Split) -> dict[int, int]:
    """Which images to judge by are training images too, by the bytes of their files or pixels.

    Such an image is learned by heart, and says nothing of others. At most 1000 images to judge by
    are looked at, evenly spaced, and of more than 200,000 training files as many. What was resized
    or encoded anew is not found.

    Args:
        training: The split to learn from.
        judged: The held-out or test split.

    Returns:
        A mapping from numbers of images of `judged` to those of their copies in `training`.

    Example:
        >>> digits = keras_senet.data.load("digits")
        >>> copies(digits.training, digits.training.subset(np.array([7, 8])))
        {0: 7, 1: 8}
    """
    by_size: dict[int, dict[bytes, int]] = collections.defaultdict(dict)
    for index in evenly_spaced(len(judged), LOOKED_AT):
        with contextlib.suppress(OSError):  # an unreadable image is told where it is read
            by_size[_size(judged, index)][_digest(judged, index)] = int(index)
    found = {}
    for index in evenly_spaced(len(training), None if training.holds_pixels else MOST):
        with contextlib.suppress(OSError):
            same_size = by_size.get(_size(training, index))
            other = None if not same_size else same_size.get(_digest(training, index))
            if other is not None:
                found[other] = int(index)
    return found


def _size(split, index):
    """Bytes of an image, which a file tells without being read."""
    return split.items[index].nbytes if split.holds_pixels else os.path.getsize(split.items[index])


def _digest(split, index):
    """A digest of the bytes of an image."""
    content = split.items[index].tobytes() if split.holds_pixels else split.encoded(index)
    return hashlib.sha256(content).digest()
