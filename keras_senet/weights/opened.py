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


def warn_of_new_classifier(path, stored, classes):
    """Warns that the classifier of a model keeps its random weights.

    Args:
        path: Path of the weights file.
        stored: Number of classes in the file, or `None` if it has no classifier.
        classes: Number of classes of the model.
    """
    logger.warning(
        "%s has %s, the model has %d: its classifier keeps its random weights.",
        path,
        "no classifier" if stored is None else f"{stored} classes",
        classes,
    )


def check_variance(path, name, variable, value):
    """Refuses moving variances below 0, of which every output would be NaN.

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
