"""Images of a `Dataset` for a model, with a warning of those that are missing."""

import warnings

import keras
import numpy as np

from keras_senet.data import Dataset
from keras_senet.data.classes import mismatch, names_of
from keras_senet.export.contract import contract
from keras_senet.weights.named_classes import class_names, is_multi_label


def held_out(
    dataset: Dataset, model: keras.Model, size: int | None = None, limit: int | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Held-out images of a data set, and their labels if they number the classes of a model.

    Warns where they do not, and of images that cannot be read and are left out. A model of several
    outputs is judged output by output against the model alone: it gets no labels.

    Args:
        dataset: A `keras_senet.data.Dataset`.
        model: The model that the images are for, whose evaluation transform they go through.
        size: Height and width in pixels for a model that leaves them open.
        limit: Most images to take, evenly spaced.

    Returns:
        Images `(N, H, W, 3)`, and labels `(N,)`, `(N, K)` where an image has any number of them, or
        `None`.
    """
    dataset = dataset.seen_by(model, size)
    images, labels = dataset.held_out_arrays(limit)
    _say_unreadable(dataset, dataset.held_out)
    if len(model.outputs) > 1:
        return images, None
    sentence = not_judged(model, dataset) if names_classes(model, least=1) else None
    if dataset.multi_label and not sentence and not is_multi_label(model):
        sentence = (
            f"Images of {dataset.name} have any number of labels, and {model.name!r} does not say "
            "that it was trained so."
        )
    if sentence:
        warnings.warn(f"{sentence} No accuracy is judged on it.", stacklevel=3)
    return images, None if sentence else labels


def not_judged(model, data):
    """Why the labels of data do not judge the scores of a model, a sentence or `None`.

    Of two classes, one score is that of the second.
    """
    names, known = names_of(data), class_names(model)
    several = model.outputs[0].shape[-1] > 1 or getattr(data, "multi_label", False)
    if several or names is None or len(names) != 2:
        return mismatch(model, data)
    if known is None or known[0] == names[1]:
        return None
    return f"The score of {model.name!r} is of {known[0]!r}, the second class is {names[1]!r}."


def names_classes(model: keras.Model, least: int = 2) -> bool:
    """Whether the one output of a model is scores `(N, K)` of at least so many classes."""
    if len(model.outputs) > 1:
        return False
    outputs = model.outputs[0].shape
    if len(outputs) != 2 or outputs[-1] < least:
        return False
    return contract(model).output != "features"


def training_images(dataset: Dataset, count: int) -> np.ndarray:
    """`count` training images of a data set `(count, H, W, 3)`, evenly spaced, not augmented.

    They have the data set's evaluation transform: see `Dataset.seen_by`. Warns of images that
    cannot be read and are left out.
    """
    images = dataset.calibration_images(count)
    _say_unreadable(dataset, dataset.training)
    return images


def _say_unreadable(dataset, split):
    unreadable = dataset.unreadable(split)
    if unreadable:
        path, reason = next(iter(unreadable.items()))
        warnings.warn(
            f"Images of {dataset.name} that cannot be read and are left out: {len(unreadable)}. "
            f"The first: {path}: {reason}",
            stacklevel=4,
        )
