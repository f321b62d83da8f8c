"""Labels `(N, K)` of images that have any number of K labels: 1 where an image has one, else 0."""

import numpy as np

from keras_senet.data.arrays import as_array
from keras_senet.data.image_files import listed


def as_multi_hot(labels):
    """Converts labels to `(N, K)` int32 of 0 and 1; those of a single label may be `(N,)`."""
    array = as_array(labels, "labels")
    shown = f"{array.dtype} of shape {array.shape}"
    if array.ndim == 1 and len(array):
        array = array[:, None]
    if array.ndim != 2 or not array.shape[1]:
        raise ValueError(
            f"Expected labels (N, K), a column for each of K labels. Received: {shown}"
        )
    if array.dtype.kind not in "iufb" or not np.isin(array, (0, 1)).all():
        raise ValueError(
            "Expected labels of 1 where an image has a label and 0 where it has it not. Received: "
            f"{shown} with others."
        )
    return array.astype("int32")


def check_columns(split, what, name, count):
    """Raises a ValueError if labels have not a column for each name."""
    if split.labels.shape[1] != count:
        raise ValueError(
            f"{name} has {count} names of labels. Its {what} labels have {split.labels.shape[1]} "
            "columns. Expected a column for each name."
        )


def check_presence(dataset):
    """Raises a ValueError if a label cannot be learned, or not be judged.

    Each label needs training images with it and without it, and in every other split an image with
    it: its average precision has no value otherwise.

    Args:
        dataset: A `Dataset` of several labels an image.
    """
    for what, split in dataset.splits.items():
        counts = split.labels.sum(0)
        wanted = [(counts == 0, "no image with")]
        if split is dataset.training:
            wanted.append((counts == len(split), "no image without"))
        for lacks, words in wanted:
            names = [dataset.class_names[index] for index in np.flatnonzero(lacks)]
            if names:
                raise ValueError(
                    f"The {len(split)} {what} images of {dataset.name} have {words} the label "
                    f"{listed(map(repr, names))}. Expected training images with and without each "
                    "label, and an image with it in every other split: add some, divide the images "
                    "otherwise, or leave the label out."
                )


def spread(labels, names):
    """An order in which evenly spaced images have each label about as often as all have it.

    Images of the rarest label come first, among them those of the next rarest, and so on; images of
    the same labels are in the order of their names.

    Args:
        labels: `(N, K)`.
        names: `(N,)` names that order images of the same labels.

    Returns:
        Indices `(N,)`.
    """
    by_name = np.argsort(names, kind="stable")
    rarest_first = np.argsort(labels.sum(0), kind="stable")
    # The last key counts most.
    keys = 1 - labels[np.ix_(by_name, rarest_first[::-1])]
    return by_name[np.lexsort(keys.T)]
