"""A weights file opened for a network."""

import dataclasses
import logging
import typing

import keras

from keras_senet.weights.named_classes import (
    described_multi_label,
    described_names,
    is_trained_since,
    name_classes,
    seal_names,
)

logger = logging.getLogger("keras_senet")


@dataclasses.dataclass(frozen=True)
class OpenedWeights:
    """An architecture with the fields that a weights file decides, and how to load the file.

    Attributes:
        network: The `Architecture` with all fields that the weights decide.
        classes: Number of classes, `None` where the file does not say.
        headless: Whether the file has no classifier.
        assign: Function that loads the weights into a `keras.Model` of `network`, all or nothing;
            raises `ValueError` if they do not fit.
    """

    network: typing.Any
    classes: int | None
    headless: bool
    assign: typing.Callable


def is_new_classifier(file, layer):
    """Whether a model's classifier keeps its random weights.

    Args:
        file: Weights file, an object with `path`, `classes` and `headless`.
        layer: The classifier, a `keras.layers.Dense`.
    """
    return file.headless or file.classes not in (None, layer.units)


def warn_of_new_classifier(file, layer):
    """Warns that the classifier keeps its random weights; see `is_new_classifier`."""
    logger.warning(
        "%s has %s, the model has %d: its classifier keeps its random weights.",
        file.path,
        "no classifier" if file.classes is None else f"{file.classes} classes",
        layer.units,
    )


def take_names(file, model):
    """Names the classes of a model as its file does, if the classifier is that of the file.

    Args:
        file: Weights file, an object with `path`, `classes`, `headless` and `description`.
        model: The model that got the weights.
    """
    classifier = model.layers[-1]
    if classifier.name == "head" and not is_new_classifier(file, classifier):
        multi_label = described_multi_label(file.description)
        if multi_label and classifier.activation is keras.activations.softmax:
            raise ValueError(
                f"{file.path} was trained on labels of which an image has any number, and a "
                "softmax makes one class of them. Pass classifier_activation='sigmoid' (training: "
                "loss='binary_cross_entropy'), or None for logits."
            )
        names = described_names(file.description, classifier.units)
        if names is not None and is_trained_since(file.description, classifier):
            logger.warning(
                "%s was trained on since its first class was named %r, and does not say on which "
                "classes. Name them: keras_senet.weights.name_classes(model, names).",
                *(file.path, names[0]),
            )
            names = None
        name_classes(model, names, multi_label=multi_label)
        seal_names(model)


def check_variance(path, name, variable, value):
    """Refuses moving variances below 0, with which every output would be NaN.

    Args:
        path: Path of the weights file.
        name: Name of the array in it.
        variable: The Keras variable that it is for.
        value: The array.

    Raises:
        ValueError: If it is a moving variance with values below 0.
    """
    if variable.path.endswith("moving_variance") and (value < 0).any():
        raise ValueError(
            f"{name!r} of {path} has variances below 0, down to {value.min():.3g}. The file is "
            "damaged, or was written wrongly. Fetch or write it again."
        )
