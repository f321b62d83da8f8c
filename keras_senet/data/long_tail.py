"""Training images whose classes shrink geometrically: see `Dataset.long_tailed`."""

import warnings

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
    if dataset.long_tail is not None:
        raise ValueError(
            f"{dataset.name} is long-tailed already. Expected the data set before it was: "
            "load(...).long_tailed(100)."
        )
    if not RATIO.allows(ratio):
        raise ValueError(
            "Argument `ratio` must be how many times more images the first class keeps than the "
            f"last, a number from 1, such as 100. Received: {ratio!r}"
        )
    labels, classes = dataset.training.labels, len(dataset.class_names)
    least = np.bincount(labels, minlength=classes).min()
    if least < ratio:
        warnings.warn(
            f"The smallest class of {dataset.name} has {least} images to learn from: the last "
            f"class keeps one, and the ratio is 1:{least}, not 1:{ratio}.",
            stacklevel=3,
        )
    positions = []
    for label in range(classes):
        count = max(1, round(least * ratio ** (-label / (classes - 1))))
        positions.append(np.flatnonzero(labels == label)[:count])
    return np.concatenate(positions)
