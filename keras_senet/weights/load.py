"""The `weights` argument: a name or a path, opened for an architecture."""

import dataclasses
import pathlib
import re

from keras_senet.weights.download import fetch
from keras_senet.weights.keras_weights import KerasWeights
from keras_senet.weights.metadata import read_description
from keras_senet.weights.opened import OpenedWeights
from keras_senet.weights.own_weights import OwnWeights
from keras_senet.weights.public_weights import PublicWeights
from keras_senet.weights.readers.keras_file import SUFFIXES as KERAS_SUFFIXES
from keras_senet.weights.readers.tensors import SUFFIXES
from keras_senet.weights.records.table import find, fitting, near


def open_weights(weights, architecture):
    """Opens what the `weights` argument of an architecture names.

    Args:
        weights: Name of a record in `keras_senet.weights.table()`, whose file is fetched once it
            is known to fit, or the path of a file: `.safetensors`, `.pth`, `.caffemodel`, `.h5` of
            keras.applications, `.weights.h5`, `.keras`.
        architecture: The `Architecture` that the weights are for.

    Returns:
        `OpenedWeights`: the architecture with all fields that the weights decide, and the way to
        load them into its model.

    Raises:
        ValueError: If `weights` is neither, cannot be fetched or read, or is for another network.
    """
    if not isinstance(weights, (str, pathlib.Path)):
        raise ValueError(
            "Argument `weights` must be None, the name of a weight set or the path of a weights "
            f"file. Received: {weights!r} of type {type(weights).__name__}. "
            f"{fitting(architecture.name)}"
        )
    if re.match(r"\w+://", str(weights)):
        raise ValueError(
            f"Argument `weights` must be a name or a path. Received an address: {weights}. Fetch "
            f"the file and pass its path. {fitting(architecture.name)}"
        )
    path = pathlib.Path(weights)
    if path.is_dir():
        raise ValueError(
            f"Argument `weights` must be a file. Received the folder {str(weights)!r}. A run of "
            f"training has its model in model.keras. {fitting(architecture.name)}"
        )
    record = None if path.exists() else find(str(weights))
    if record is not None:
        return _open_record(record, architecture)
    if not path.exists() and not str(weights).endswith((*SUFFIXES, *KERAS_SUFFIXES)):
        raise ValueError(
            f"No weight set and no file {str(weights)!r}. {fitting(architecture.name)} "
            f"{near(str(weights))}Or pass the path of a file."
        )
    return _open_file(path, architecture)


def _open_record(record, architecture):
    """Opens the file of a record, which states classes, image size and preprocessing itself."""
    if not record.fits(architecture.name):
        raise ValueError(
            f"Weights {record.name!r} are for {' or '.join((record.network, *record.also))}, "
            f"not for {architecture.name}. {fitting(architecture.name)}"
        )
    architecture = architecture.replace(**record.fields)
    opened = _open_file(fetch(record), architecture, of_record=True)
    network = opened.network.replace(
        input_size=record.input_size, preprocessing=record.preprocessing
    )
    return dataclasses.replace(
        opened,
        network=network,
        classes=record.classes or None,
        headless=not record.classes,
    )


def _open_file(path, architecture, of_record=False):
    description = read_description(path)
    if str(path).endswith(KERAS_SUFFIXES):
        file = KerasWeights(path)
    elif description is not None:
        file = OwnWeights(path, description)
    else:
        file = PublicWeights(path, of_record)
    return OpenedWeights(file.fit(architecture), file.classes, file.headless, file.assign)
