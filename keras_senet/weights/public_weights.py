"""A weights file in a public layout: what it decides of a network, and how it is loaded."""

import dataclasses
import logging
import math

import numpy as np

from keras_senet.layers import ChannelAttention
from keras_senet.weights import metadata
from keras_senet.weights.kernels import adapt_stem, as_in_keras
from keras_senet.weights.labels import from_caffe
from keras_senet.weights.layouts import timm
from keras_senet.weights.layouts.table import detect, fit, plain_names
from keras_senet.weights.opened import (
    check_variance,
    is_new_classifier,
    warn_of_new_classifier,
)
from keras_senet.weights.readers.tensors import read_tensors

# Whose networks are in timm with TensorFlow's padding and PyTorch's, and with the same tensors.
TWO_BACKBONES = (timm.MOBILENET_V3, timm.EFFICIENTNET, timm.EFFICIENTNET_V2)

logger = logging.getLogger("keras_senet")


class PublicWeights:
    """A file in one of the layouts of `keras_senet.weights.layouts.table`.

    Args:
        path: Path of the file.
        of_record: Whether a `WeightRecord` states the fields that the file leaves open.

    Attributes:
        tensors: Dict from the layout's names to arrays.
        layout: Its `Layout`.
        classes: Number of classes, `None` where the file does not say.
        headless: Whether it has no classifier.

    Raises:
        ValueError: If the file cannot be read, or is in no known layout.
    """

    def __init__(self, path, of_record=False):
        self.path = path
        self.tensors = plain_names(read_tensors(path), path)
        self.of_record = of_record
        self.layout = detect(self.tensors)
        head = self.tensors.get(f"{self.layout.head}.weight")
        self.classes = None if head is None or head.ndim != 2 else head.shape[0]
        self.headless = not any(name.startswith(f"{self.layout.head}.") for name in self.tensors)

    def fit(self, architecture):
        """`architecture` with the fields that this file decides.

        Raises:
            ValueError: If the file's layout has no weights for it.
        """
        fitted = fit(self.layout, architecture)
        decided = architecture.released_fields[self.layout]
        if self.of_record or "preprocessing" in decided:
            return fitted
        fitted = _with_stored_pixels(fitted, self.path)
        return _with_stored_backbone(fitted, self.path) if self.layout in TWO_BACKBONES else fitted

    def assign(self, model):
        """Checks that every tensor has its place in `model`, then sets all weights.

        Raises:
            ValueError: If a tensor is missing, left over, of another shape or not finite. The
                model is unchanged then.
        """
        variables = dict(self.layout.variables(model, without=self._fresh(model)))
        self._check_names(variables, any(layer.name == "head" for layer in model.layers))
        stem = next(name for name, variable in variables.items() if len(variable.shape) == 4)
        values = {
            name: self.value(name, tuple(variable.shape), name == stem)
            for name, variable in variables.items()
        }
        for name, variable in variables.items():
            check_variance(self.path, name, variable, values[name])
        for name, variable in variables.items():
            variable.assign(values[name])
        if self.layout.warm_start:
            for layer in model.layers:
                if isinstance(layer, ChannelAttention):
                    layer.start_as_identity()

    def value(self, name, shape, is_stem=False):
        """The tensor of this name, in the order of axes of its Keras variable.

        Args:
            name: Name of the tensor in the file.
            shape: Shape of the variable.
            is_stem: Whether it is the kernel of the first convolution, whose inputs are pixels.

        Raises:
            ValueError: If it is of another shape, not of floats, or not finite.
        """
        value, layout = self.tensors[name], self.layout
        if layout.labels == "caffe" and name.startswith(f"{layout.head}."):
            value = from_caffe(value)
        if name.removesuffix(".weight") in layout.dense and value.size == math.prod(shape):
            # It reads a feature map that was flattened in PyTorch's order of axes.
            value = value.reshape(shape[3], shape[2], *shape[:2])
        value = as_in_keras(value, shape)
        if is_stem and value.ndim == 4:
            if layout.channel_order == "bgr" and value.shape[2] == 3:
                value = value[:, :, ::-1]
            value = adapt_stem(value, shape[2])
        if value.shape != shape:
            raise ValueError(
                f"Tensor {name!r} of {self.path} has the shape {value.shape} (in Keras' order of "
                f"axes). Expected: {shape}. Is it the file of another network?"
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

    def _fresh(self, model):
        """Names of the layers that keep their random weights."""
        return {
            layer.name
            for layer in model.layers
            if (self.layout.warm_start and isinstance(layer, ChannelAttention))
            or (layer.name.startswith("head") and self._is_fresh(layer))
        }

    def _is_fresh(self, layer):
        """Whether a layer of the head keeps its random weights."""
        if layer.name != "head":
            return self.headless and bool(layer.weights) and not self._has(layer)
        if is_new_classifier(self, layer):
            warn_of_new_classifier(self, layer)
            return True
        return False

    def _has(self, layer):
        module = self.layout.module(layer.name)
        return any(name.startswith(f"{module}.") for name in self.tensors)

    def _check_names(self, variables, has_head):
        missing = [name for name in variables if name not in self.tensors]
        if missing:
            raise ValueError(
                f"{self.path} has no tensor {missing[0]!r} ({len(missing)} missing), which this "
                "network needs. Is it the file of another network?"
            )
        head = (f"{self.layout.head}.weight", f"{self.layout.head}.bias")
        extra = sorted(
            name
            for name in self.tensors
            if name not in variables
            and name not in head
            and (has_head or not self.layout.is_top(name))
        )
        if extra:
            raise ValueError(
                f"{self.path} has a tensor {extra[0]!r} ({len(extra)} left over), for which this "
                "network has no place. Is it the file of another network?"
            )


def _with_stored_pixels(network, path):
    """`network` with the preprocessing in the file's metadata, or a warning of what is assumed."""
    stored = metadata.read_pixels(path)
    if stored:
        return network.replace(**stored)
    pixels = network.preprocessing
    if pixels == _default(network, "preprocessing"):
        logger.warning(
            "%s does not say how its network normalizes pixels: mean %s, std %s are assumed. For "
            "others use the name of a weight set, or .replace(preprocessing=...).",
            path,
            tuple(round(one, 4) for one in pixels.mean),
            tuple(round(one, 4) for one in pixels.std),
        )
    return network


def _with_stored_backbone(network, path):
    """`network` with padding and epsilon of the metadata, or a warning of what is assumed."""
    stored = metadata.read_backbone(path)
    if stored:
        return network.replace(**stored)
    if all(getattr(network, name) == _default(network, name) for name in metadata.BACKBONE):
        logger.warning(
            "%s does not say which of timm's two backbones it has. Assumed: padding='same', "
            "epsilon=0.001, as in timm's networks whose names begin with tf_. For the others: "
            '.replace(padding="torch", epsilon=1e-5), or the name of a weight set.',
            path,
        )
    return network


def _default(architecture, name):
    return next(x.default for x in dataclasses.fields(architecture) if x.name == name)
