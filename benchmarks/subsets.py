"""Parts of a data set: some of its classes, few images of each, halves of the held-out ones."""

import numpy as np

from keras_senet.data import Split


def only(dataset, classes, images=None):
    """The data set with some of its classes, numbered from 0.

    Args:
        dataset: A `Dataset` of one label an image.
        classes: Array of the numbers of the classes.
        images: Training images of each class, the first ones; `None` for all.
    """
    names = tuple(dataset.class_names[label] for label in classes)
    return dataset.replace(
        name=f"{dataset.name} ({', '.join(names)})",
        source=None,
        class_names=names,
        training=_chosen(dataset.training, classes, images),
        held_out=_chosen(dataset.held_out, classes),
    )


def halves(dataset):
    """The data set twice, each with every other one of the held-out images."""
    count = len(dataset.held_out)
    return [
        dataset.replace(held_out=dataset.held_out.subset(np.arange(first, count, 2)))
        for first in (0, 1)
    ]


def _chosen(split, classes, images=None):
    found = [np.flatnonzero(split.labels == label)[:images] for label in classes]
    chosen = np.sort(np.concatenate(found))
    return Split(split.items[chosen], np.searchsorted(classes, split.labels[chosen]))
