"""A trained network as the shortest program with the same outputs."""

import collections

import keras
import numpy as np

from keras_senet import layers
from keras_senet.export.linear import (
    NORMALIZATIONS,
    LinearMap,
    is_linear,
    normalization,
    pointwise,
    product_weights,
)

# Layers that do something in training only.
IDLE = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout2D,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.ActivityRegularization,
    keras.layers.Identity,
)
# Gates as an activation that runtimes fuse into a convolution: `factor * activation(x + shift)`.
GATES = {
    "sigmoid": ("sigmoid", 0.0, 1.0),
    "tanh": ("tanh", 0.0, 1.0),
    "relu": ("relu", 0.0, 1.0),
    "hard_sigmoid": ("relu6", 3.0, 1 / 6),
    "doubled_sigmoid": ("sigmoid", 0.0, 2.0),
}


def fold(model, group_width=1):
    """A copy of a network for inference only: fewer operations, the same outputs.

    - Dropout is left out; batch normalization and constant factors are multiplied into the
      convolution or matrix product before them.
    - The squeeze of an SE block behind a linear 1x1 convolution reads what that convolution
      reads: with `U = W x + b` the mean of `W1 U + b1` over the pixels is
      `(W1 W) mean(x) + (W1 b + b1)`. That is exact, and a fraction of the traffic wherever the
      convolution widens (a quarter in ResNet, half in ResNeXt, grouped ones included).
    - Constant factors and offsets of a gate (hard and doubled sigmoid) go into the convolutions.
    - Factors and offsets of channels with no convolution before them, as of raw pixels, become a
      1x1 convolution, which runtimes compute several times faster than a product and a sum.
    - Narrow groups are merged into wider ones with zeros between them, if asked for.

    Everything else stays as it is: SE behind an activation, normalization without a convolution
    before it, models inside the model, layers that are called several times.

    Args:
        model: A functional or built sequential `keras.Model` in float32.
        group_width: Input channels that each group of a convolution shall have at least; 1 leaves
            the groups. Depthwise convolutions stay.

    Returns:
        A functional model of the same name with weights of its own (but for layers that Keras
        cannot copy). It cannot be trained on: its normalizations are gone.

    Raises:
        TypeError: If the model is no functional Keras model.
        ValueError: If `group_width` is no integer above 0.

    Reference:
        https://arxiv.org/abs/1709.01507, equations 2 to 4.

    Example:
        >>> model = keras_senet.SEResNet50()
        >>> model.count_params() - fold(model).count_params()
        1022772
    """
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise TypeError(
            f"Only functional and built sequential models can be folded. Received: {model!r}. "
            "Wrap another: keras.Model(inputs, outputs)."
        )
    if isinstance(group_width, bool) or not isinstance(group_width, int) or group_width < 1:
        raise ValueError(
            f"Argument `group_width` must be an integer above 0. Received: {group_width!r}"
        )
    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs, model.outputs[0], name=model.name)
    folding = _Folding(model, group_width)
    copy = keras.models.clone_model(model, clone_function=_copy, call_function=folding.call)
    for layer in copy.layers:
        if layer.name in folding.kept and layer.weights:
            layer.set_weights(model.get_layer(layer.name).get_weights())
    return copy


def _copy(layer):
    try:
        return type(layer).from_config(layer.get_config())
    except (NotImplementedError, TypeError, ValueError):
        return layer  # of a user's own kind, which cannot be rebuilt: the copy shares it


def _channels_rescaled(layer, x):
    """Factors and offsets of channels as a convolution, or `None` where they are plain numbers.

    Runtimes broadcast along the last axis of an image slowly: in int8 the product and the sum take
    ten times as long as this convolution with a diagonal matrix.
    """
    if len(x.shape) != 4 or (np.ndim(layer.scale) == 0 and np.ndim(layer.offset) == 0):
        return None
    factors, offsets = (
        np.broadcast_to(np.asarray(values, "float64"), x.shape[-1])
        for values in (layer.scale, layer.offset)
    )
    return pointwise(x, np.diag(factors), offsets, None, layer.name)


class _Folding:
    """One walk over a graph; each rewritten tensor remembers the linear map it is made of.

    A map is called as soon as it is met, and again when the next layer has gone into it: what
    nobody reads in the end is not part of the new model.
    """

    def __init__(self, model, group_width):
        self.model = model
        self.group_width = group_width
        self.maps = {}  # of a tensor: the map that computes it
        self.products = {}  # of a tensor: the map and the gates that it is the product of
        self.kept = set()  # names of the layers that go into the copy as they are
        nodes = [node for row in model._nodes_by_depth.values() for node in row]
        self.calls = collections.Counter(node.operation.name for node in nodes)
        self.readers = collections.Counter(tensor for tensor in map(id, model.outputs))
        for node in nodes:
            self.readers.update({id(tensor) for tensor in node.input_tensors})

    def call(self, layer, *args, **kwargs):
        """What the copy computes in place of one call of a layer."""
        if isinstance(layer, keras.Layer):
            if self.calls[layer.name] == 1 and len(args) == 1:
                output = self._folded(self.model.get_layer(layer.name), args[0])
                if output is not None:
                    return output
            self.kept.add(layer.name)
        return layer(*args, **kwargs)

    def _folded(self, layer, x):
        if type(layer) in IDLE:
            return x
        if is_linear(layer):
            return self._mapped(LinearMap.of(layer, x), layer)
        if type(layer) in NORMALIZATIONS and layer.axis in (-1, len(x.shape) - 1):
            return self._rescaled(layer, x, *normalization(layer))
        if type(layer) in (keras.layers.Rescaling, layers.ImageNormalization):
            output = self._rescaled(layer, x, layer.scale, layer.offset)
            return output if output is not None else _channels_rescaled(layer, x)
        if type(layer) is layers.SqueezeExcitation:
            return self._squeeze_excited(layer, x)
        return None

    def _mapped(self, linear, layer):
        output = linear.call(self.group_width)
        if self.readers[id(layer.output)] == 1:
            self.maps[output] = linear
        return output

    def _rescaled(self, layer, x, factor, offset):
        if x in self.maps:
            return self._mapped(self.maps[x].scaled(factor, offset), layer)
        if x in self.products and not np.any(offset):
            linear, gates, name = self.products[x]
            return self._product(linear.scaled(factor), gates, name, layer)
        return None

    def _squeeze_excited(self, block, x):
        linear = self.maps.get(x)
        if linear is None or not linear.is_pointwise or block.squeeze not in ("avg", "none"):
            return None
        if linear.matrix.shape[0] > linear.matrix.shape[1]:
            return None  # the convolution narrows: its output is the smaller thing to read
        activation, shift, factor = GATES[block.gate]
        narrow = linear.source
        if block.squeeze == "avg":
            squeeze = keras.layers.GlobalAveragePooling2D
            narrow = squeeze(keepdims=True, dtype="float32", name=f"{block.name}_squeeze")(narrow)
        kernel, bias = product_weights(block.reduce)
        kernel, bias = linear.matrix @ kernel, linear.bias @ kernel + bias
        hidden = pointwise(narrow, kernel, bias, block.activation, f"{block.name}_reduce")
        kernel, bias = product_weights(block.expand)
        gates = pointwise(hidden, kernel, bias + shift, activation, f"{block.name}_expand")
        return self._product(linear.scaled(factor), gates, block.name, block)

    def _product(self, linear, gates, name, layer):
        output = keras.layers.Multiply(dtype="float32", name=name)(
            [linear.call(self.group_width), gates]
        )
        if self.readers[id(layer.output)] == 1:
            self.products[output] = linear, gates, name
        return output
