"""From a weights file to a network: all or nothing."""

import logging
import math
import pathlib

import numpy as np

from keras_senet.layers import SqueezeExcitation
from keras_senet.weights import layouts
from keras_senet.weights.files import read_tensors
from keras_senet.weights.hdf5 import check_keras_weights
from keras_senet.weights.labels import from_caffe
from keras_senet.weights.names import plain_names
from keras_senet.weights.record_file import RecordFile
from keras_senet.weights.table import find

logger = logging.getLogger("keras_senet")


def open_weights(weights):
    """Opens what the `weights` argument of an architecture names.

    Args:
        weights: Name of a record in `keras_senet.weights.table()`, or the path of a file:
            `.safetensors`, `.pth`, `.caffemodel`, `.h5` of keras.applications, `.weights.h5`.

    Returns:
        An object with `classes` (a number, or `None` where the file does not say), `fit` and
        `assign`.

    Raises:
        ValueError: If it is neither, or cannot be read as weights.
    """
    if not isinstance(weights, (str, pathlib.Path)):
        raise ValueError(
            "Argument `weights` must be None, the name of a weight set or the path of a weights "
            f"file. Received: {weights!r} of type {type(weights).__name__}"
        )
    record = None if pathlib.Path(weights).exists() else find(str(weights))
    if record is not None:
        return RecordFile(record, open_file)
    return open_file(weights)


def open_file(path):
    """Opens a file by its path; see `open_weights`."""
    if str(path).endswith(".weights.h5"):
        return KerasWeights(path)
    return TorchWeights(path)


class KerasWeights:
    """A file of `model.save_weights`."""

    classes = None

    def __init__(self, path):
        if not pathlib.Path(path).is_file():
            raise ValueError(f"No weights file at {path}. Expected an existing file.")
        self.path = path

    def fit(self, architecture):
        """The same architecture: these files say nothing about the trunk."""
        return architecture

    def assign(self, model):
        """Loads all weights of `model`."""
        check_keras_weights(self.path)
        try:
            model.load_weights(self.path)
        except (OSError, KeyError, TypeError) as error:
            raise ValueError(f"{self.path} is not a Keras weights file: {error}") from error


class TorchWeights:
    """A file in one of the public layouts of `keras_senet.weights.layouts`."""

    def __init__(self, path):
        self.path = path
        self.tensors = plain_names(read_tensors(path), layouts.LAYOUTS, path)
        self.layout = layouts.detect(self.tensors)
        head = self.tensors.get(f"{self.layout.head}.weight")
        self.classes = None if head is None or head.ndim != 2 else head.shape[0]

    def fit(self, architecture):
        """`architecture` with the trunk fields that this file's networks have; before `assign`."""
        self.layout, architecture = layouts.fit(self.layout, architecture)
        return architecture

    def assign(self, model):
        """Checks that every tensor has its place in `model`, then sets all weights.

        Raises:
            ValueError: If a tensor is missing, left over, of another shape or not finite. The
                model is unchanged then.
        """
        variables = dict(self._variables(model))
        self._check_names(variables)
        values = {name: self._value(name, variables[name]) for name in variables}
        for name, variable in variables.items():
            variable.assign(values[name])
        if self.layout.warm_start:
            for layer in model.layers:
                if isinstance(layer, SqueezeExcitation):
                    # The reduction stays random, so that this kernel has a gradient.
                    layer.expand.kernel.assign(np.zeros(layer.expand.kernel.shape))

    def _variables(self, model):
        """Pairs of a tensor's name in the file and our variable for it."""
        fresh = set()
        for layer in model.layers:
            if (layer.name == "head" and self._head_is_fresh(layer)) or (
                self.layout.warm_start and isinstance(layer, SqueezeExcitation)
            ):
                fresh.add(layer.name)
        return self.layout.variables(model, without=fresh)

    def _head_is_fresh(self, head):
        classes = head.units
        if self.classes in (None, classes):
            return False
        logger.warning(
            "%s has %d classes, the model has %d: its classifier keeps its random weights.",
            self.path,
            self.classes,
            classes,
        )
        return True

    def _check_names(self, variables):
        missing = [name for name in variables if name not in self.tensors]
        if missing:
            raise ValueError(
                f"{self.path} has no tensor {missing[0]!r} ({len(missing)} missing), which this "
                "network needs. Is it the file of another network?"
            )
        head = (f"{self.layout.head}.weight", f"{self.layout.head}.bias")
        extra = sorted(name for name in self.tensors if name not in variables and name not in head)
        if extra:
            raise ValueError(
                f"{self.path} has a tensor {extra[0]!r} ({len(extra)} left over), for which this "
                "network has no place. Is it the file of another network?"
            )

    def _value(self, name, variable):
        value, shape = self.tensors[name], variable.shape
        if self.layout.channel_order == "bgr" and value.ndim == 4 and value.shape[1] == 3:
            value = value[:, ::-1]
        if self.layout.labels == "caffe" and name.startswith(f"{self.layout.head}."):
            value = from_caffe(value)
        if name.removesuffix(".weight") in self.layout.dense and value.size == math.prod(shape):
            # Its inputs are a map, flattened in PyTorch's order of axes.
            value = value.reshape(shape[3], shape[2], *shape[:2])
        if value.ndim == 4 and value.shape[1] == 1 != shape[-2]:
            value = value.transpose(2, 3, 0, 1)  # depthwise: (C, 1, kh, kw) to (kh, kw, C, 1)
        elif value.ndim == 4:
            value = value.transpose(2, 3, 1, 0)  # (out, in, kh, kw) to (kh, kw, in, out)
        elif value.ndim == 2:
            value = value.T
        if value.shape != tuple(variable.shape):
            raise ValueError(
                f"Tensor {name!r} of {self.path} has the shape {value.shape} (in Keras' order of "
                f"axes). Expected: {tuple(variable.shape)}. Is it the file of another network?"
            )
        if value.dtype.kind != "f":
            raise ValueError(
                f"Tensor {name!r} of {self.path} is of dtype {value.dtype}. Expected floats."
            )
        if not np.isfinite(value).all():
            raise ValueError(
                f"Tensor {name!r} of {self.path} has values that are not finite. Fetch it again."
            )
        return value
