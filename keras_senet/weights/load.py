"""From a weights file to a network: all or nothing."""

import logging
import math
import pathlib
import re

import numpy as np

from keras_senet.layers import SqueezeExcitation
from keras_senet.weights.keras_weights import KerasWeights, warn_of_new_classifier
from keras_senet.weights.kernels import adapt_stem
from keras_senet.weights.labels import from_caffe
from keras_senet.weights.layouts import table as layouts
from keras_senet.weights.layouts.names import plain_names
from keras_senet.weights.own_weights import OwnWeights, read_description
from keras_senet.weights.readers.keras_file import SUFFIXES as KERAS_SUFFIXES
from keras_senet.weights.readers.tensors import SUFFIXES, read_tensors
from keras_senet.weights.record_file import RecordFile
from keras_senet.weights.records.table import find, fitting
from keras_senet.weights.unsaid import said

logger = logging.getLogger("keras_senet")


def open_weights(weights, architecture):
    """Opens what the `weights` argument of an architecture names.

    Args:
        weights: Name of a record in `keras_senet.weights.table()`, or the path of a file:
            `.safetensors`, `.pth`, `.caffemodel`, `.h5` of keras.applications, `.weights.h5`,
            `.keras`.
        architecture: Name of the architecture, to say what fits it.

    Returns:
        An object with `classes` (a number, or `None` where the file does not say), `headless`
        (whether it has no classifier), `fit` and `assign`.

    Raises:
        ValueError: If it is neither, or cannot be read as weights.
    """
    if not isinstance(weights, (str, pathlib.Path)):
        raise ValueError(
            "Argument `weights` must be None, the name of a weight set or the path of a weights "
            f"file. Received: {weights!r} of type {type(weights).__name__}. {fitting(architecture)}"
        )
    if re.match(r"\w+://", str(weights)):
        raise ValueError(
            f"Argument `weights` must be a name or a path. Received an address: {weights}. Fetch "
            f"the file and pass its path. {fitting(architecture)}"
        )
    path = pathlib.Path(weights)
    if path.is_dir():
        raise ValueError(
            f"Argument `weights` must be a file. Received the folder {str(weights)!r}. A run of "
            f"training has its model in model.keras. {fitting(architecture)}"
        )
    record = None if path.exists() else find(str(weights))
    if record is not None:
        return RecordFile(record, open_file)
    if not path.exists() and not str(weights).endswith((*SUFFIXES, *KERAS_SUFFIXES)):
        raise ValueError(
            f"No weight set and no file {str(weights)!r}. {fitting(architecture)} Or pass the path "
            "of a file."
        )
    return open_file(path)


def open_file(path, of_record=False):
    """Opens a file by its path; see `open_weights`.

    Args:
        path: Path of the file.
        of_record: Whether a `WeightRecord` says what the file does not.
    """
    if str(path).endswith(KERAS_SUFFIXES):
        return KerasWeights(path)
    description = read_description(path)
    if description is not None:
        return OwnWeights(path, description)
    return TorchWeights(path, of_record)


class TorchWeights:
    """A file in one of the public layouts of `keras_senet.weights.layouts.table`.

    Args:
        path: Path of the file.
        of_record: Whether a `WeightRecord` says what the file does not.

    Attributes:
        classes: Number of classes, `None` where the file does not say.
        headless: Whether it has no classifier.
    """

    headless = False

    def __init__(self, path, of_record=False):
        self.path = path
        self.tensors = plain_names(read_tensors(path), layouts.LAYOUTS, path)
        self.of_record = of_record
        self.layout = layouts.detect(self.tensors)
        head = self.tensors.get(f"{self.layout.head}.weight")
        self.classes = None if head is None or head.ndim != 2 else head.shape[0]
        self.headless = not any(name.startswith(f"{self.layout.head}.") for name in self.tensors)

    def fit(self, architecture):
        """`architecture` with the trunk fields that this file's networks have; before `assign`."""
        layout = self.layout
        self.layout, fitted = layouts.fit(layout, architecture)
        return fitted if self.of_record else said(layout, architecture, fitted, self.path)

    def assign(self, model):
        """Checks that every tensor has its place in `model`, then sets all weights.

        Raises:
            ValueError: If a tensor is missing, left over, of another shape or not finite. The
                model is unchanged then.
        """
        variables = dict(self._variables(model))
        self._check_names(variables)
        stem = next(name for name, variable in variables.items() if len(variable.shape) == 4)
        values = {name: self._value(name, variables[name], name == stem) for name in variables}
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
            warm = self.layout.warm_start and isinstance(layer, SqueezeExcitation)
            if warm or (layer.name.startswith("head") and self._is_fresh(layer)):
                fresh.add(layer.name)
        return self.layout.variables(model, without=fresh)

    def _is_fresh(self, layer):
        """Whether a layer of the head keeps its random weights."""
        if layer.name != "head":
            return self.headless and bool(layer.weights) and not self._has(layer)
        if not self.headless and self.classes in (None, layer.units):
            return False
        warn_of_new_classifier(self.path, self.classes, layer.units)
        return True

    def _has(self, layer):
        module = self.layout.module(layer.name)
        return any(name.startswith(f"{module}.") for name in self.tensors)

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

    def _value(self, name, variable, is_stem):
        value, shape = self.tensors[name], variable.shape
        if self.layout.channel_order == "bgr" and value.ndim == 4 and value.shape[1] == 3:
            value = value[:, ::-1]
        if is_stem and value.ndim == 4 and value.dtype.kind == "f":
            value = adapt_stem(value, shape[2])
        if self.layout.labels == "caffe" and name.startswith(f"{self.layout.head}."):
            value = from_caffe(value)
        if name.removesuffix(".weight") in self.layout.dense and value.size == math.prod(shape):
            # Its inputs are a map, flattened in PyTorch's order of axes.
            value = value.reshape(shape[3], shape[2], *shape[:2])
        if value.ndim == 4 and value.shape[1] == 1 != shape[-2] and not is_stem:
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
