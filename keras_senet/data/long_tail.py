"""Training images whose classes shrink geometrically: see `Dataset.long_tailed`."""

import numpy as np

from keras_senet.data.limits import Limit

RATIO = Limit(1)


def kept(dataset, ratio):
    """Positions of the training images that are kept, class after class."""
    if dataset.multi_label:
        raise ValueError(
            f"Images of {dataset.name} have any number of labels: leaving out those of one would "
            "take others with it. Expected one class an image."
        )
    if not RATIO.allows(ratio):
        raise ValueError(
            "Argument `ratio` must be how many times more images the first class keeps than the "
            f"last, a number from 1, such as 100. Received: {ratio!r}"
        )
    labels, classes = dataset.training.labels, len(dataset.class_names)
    least = np.bincount(labels, minlength=classes).min()
    positions = []
    for label in range(classes):
        count = max(1, round(least * ratio ** (-label / (classes - 1))))
        positions.append(np.flatnonzero(labels == label)[:count])
    return np.concatenate(positions)
