"""A split of a data set: items, and a label for each."""

import copy
import dataclasses
import pathlib
import typing
from collections.abc import Callable

import numpy as np

from keras_senet.data.checks import as_items, as_labels
from keras_senet.data.decode import read_rgb
from keras_senet.data.multi_label import as_multi_hot


class Examples(typing.Protocol):
    """What a data set needs of a split; `Split` and the splits of record files have it."""

    @property
    def labels(self) -> typing.Any: ...  # noqa: D102
    @property
    def holds_pixels(self) -> bool: ...  # noqa: D102
    @property
    def multi_label(self) -> bool: ...  # noqa: D102
    def __len__(self) -> int: ...
    def subset(self, indices) -> typing.Any: ...  # noqa: D102
    def name(self, index) -> str: ...  # noqa: D102
    def encoded(self, index) -> bytes: ...  # noqa: D102
    def read(self, index) -> typing.Any: ...  # noqa: D102
    def reader(self) -> typing.Any: ...  # noqa: D102


@dataclasses.dataclass(frozen=True)
class Split:
    """Images and their labels.

    Equivalent forms are converted: lists and tensors; Pillow images of one size, as `read_rgb`
    converts files; grey pixels `(N, H, W)` or `(N, H, W, 1)`; pixels of another type that are whole
    numbers in 0..255; labels of another type, `(N, 1)`, or one-hot `(N, K)`. Anything else is
    refused, such as pixels in 0..1 (more than three images without a pixel above 1), masked arrays,
    or shares of classes.

    Attributes:
        items: `(N, H, W, 3)` uint8 pixels, or `(N,)` paths of image files.
        labels: `(N,)` class indices, int32; with `multi_label` `(N, K)` of 0 and 1, int32.
        multi_label: Whether an image has any number of K labels, not one class of K. This is not
            guessed: labels `(N, K)` could be one-hot.
        classes: The K of labels that were one-hot `(N, K)`, else `None`.

    Raises:
        ValueError: If items or labels have none of these forms, or differ in number.

    Example:
        >>> Split(np.zeros((2, 32, 32, 3), "uint8"), [0, 1]).labels
        array([0, 1], dtype=int32)
        >>> Split(np.zeros((2, 32, 32, 3), "uint8"), [[1, 1], [0, 0]], multi_label=True).labels
        array([[1, 1],
               [0, 0]], dtype=int32)
    """

    items: np.ndarray
    labels: np.ndarray
    multi_label: bool = False
    classes: int | None = dataclasses.field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self):
        if self.multi_label:
            labels, classes = as_multi_hot(self.labels), None
        else:
            labels, classes = as_labels(self.labels)
        object.__setattr__(self, "items", as_items(self.items))
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "classes", classes)
        if len(self.items) != len(self.labels):
            raise ValueError(
                f"Expected a label for each image. Received: {len(self.items)} images, "
                f"{len(self.labels)} labels"
            )

    def __len__(self):
        return len(self.labels)

    @property
    def holds_pixels(self) -> bool:
        """Whether the items are pixels, not encoded images."""
        return self.items.ndim == 4

    def subset(self, indices: np.ndarray) -> "Split":
        """The split of these items alone, in this order."""
        part = copy.copy(self)  # not checked again: a part of the images may be black
        object.__setattr__(part, "items", self.items[indices])
        object.__setattr__(part, "labels", self.labels[indices])
        return part

    def name(self, index: int) -> str:
        """The name of an item in messages: its path."""
        return str(self.items[index])

    def encoded(self, index: int) -> bytes:
        """The file of one item, as it is; OSError if unreadable. Pixels have none."""
        return pathlib.Path(str(self.items[index])).read_bytes()

    def read(self, index: int) -> tuple[np.ndarray, np.integer]:
        """Pixels `(H, W, 3)` uint8 and label of one item; ValueError or OSError if unreadable."""
        if self.holds_pixels:
            return self.items[index], self.labels[index]
        return read_rgb(str(self.items[index])), self.labels[index]

    def reader(self) -> Callable:
        """A function for tf.data: scalar index -> pixels or the bytes of the file, and label."""
        import tensorflow as tf

        items, labels = tf.constant(self.items), tf.constant(self.labels)

        def read(index):
            item = items[index]
            return (item if self.holds_pixels else tf.io.read_file(item)), labels[index]

        return read
