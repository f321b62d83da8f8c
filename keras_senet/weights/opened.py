"""A weights file opened for a network."""

import dataclasses
import logging
import typing

logger = logging.getLogger("keras_senet")


@dataclasses.dataclass(frozen=True)
class OpenedWeights:
    """What a weights file makes of an architecture, and the way to load it.

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
    """Whether a model's classifier keeps its random weights; a warning says so.

    Args:
        file: Weights file, an object with `path`, `classes` and `headless`.
        layer: The classifier, a `keras.layers.Dense`.
    """
    if not file.headless and file.classes in (None, layer.units):
        return False
    logger.warning(
        "%s has %s, the model has %d: its classifier keeps its random weights.",
        file.path,
        "no classifier" if file.classes is None else f"{file.classes} classes",
        layer.units,
    )
    return True
