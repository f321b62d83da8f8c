"""A trained network as the shortest program with the same outputs."""

import collections

import keras
import numpy as np

from keras_senet import layers
from keras_senet.surgery.graph import can_be_rebuilt, computes_its_graph, copy_weights
from keras_senet.surgery.linear import (
    NORMALIZATIONS,
    LinearMap,
    in_float,
    is_linear,
    normalization,
    pointwise,
    product_weights,
)

# Layers that do something in training only. Not every version of Keras has all of them.
IDLE_NAMES = (
    "ActivityRegularization",
    "AlphaDropout",
    "AugMix",
    "CutMix",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "MixUp",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
)
IDLE = tuple(getattr(keras.layers, name) for name in IDLE_NAMES if hasattr(keras.layers, name))
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

    - Dropout, noise and random augmentation are left out; batch normalization and constant
      factors are multiplied into the convolution or matrix product before them.
    - The squeeze of an SE block behind a linear 1x1 convolution reads what that convolution
      reads: with `U = W x + b` the mean of `W1 U + b1` over the pixels is
      `(W1 W) mean(x) + (W1 b + b1)`. That is exact, and a fraction of the traffic wherever the
      convolution widens (a quarter in ResNet, half in ResNeXt, grouped ones included).
    - Constant factors and offsets of a gate (hard and doubled sigmoid) go into the convolutions.
    - Factors and offsets of channels with no convolution before them, as of raw pixels, become a
      1x1 convolution, which runtimes compute several times faster than a product and a sum.
    - Narrow groups are merged into wider ones with zeros between them, if asked for.

    Functional and sequential models inside the model are folded too, each for itself. Everything
    else stays as it is: SE behind an activation, normalization without a convolution before it,
    layers that are called several times. All layers are called with `training=False`, whatever
    the model calls them with, as `model.predict` does.

    Args:
        model: A functional or built sequential `keras.Model` in float32.
        group_width: Input channels that each group of a convolution shall have at least; 1 leaves
            the groups. Depthwise convolutions stay.

    Returns:
        A functional model of the same name and the same type of input, with weights of its own
        (but for layers of kinds that are neither Keras' nor ours, which it shares). It cannot be
        trained on: its normalizations are gone.

    Raises:
        TypeError: If the model is no functional Keras model, or has a `call` of its own.
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
    if not computes_its_graph(model):
        raise TypeError(
            f"Model {model.name!r} has a `call` of its own ({type(model).__name__}), which is not "
            "in its graph. Wrap it: keras.Model(inputs, model(inputs))."
        )
    if isinstance(group_width, bool) or not isinstance(group_width, int) or group_width < 1:
        raise ValueError(
            f"Argument `group_width` must be an integer above 0. Received: {group_width!r}"
        )
    sequential = isinstance(model, keras.Sequential)
    ends = (model.inputs[0], model.outputs[0]) if sequential else (model.input, model.output)
    # Of Keras' own class, and not compiled, whatever the model is.
    return _Folding(keras.Model(*ends, name=model.name), group_width).copy()


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
        self.copies = []  # pairs of a layer that is kept and its copy
        nodes = [node for row in model._nodes_by_depth.values() for node in row]
        self.calls = collections.Counter(node.operation.name for node in nodes)
        self.readers = collections.Counter(tensor for tensor in map(id, model.outputs))
        for node in nodes:
            self.readers.update({id(tensor) for tensor in node.input_tensors})

    def copy(self):
        """The folded model."""
        copy = keras.models.clone_model(
            self.model, clone_function=self._copy, call_function=self._call
        )
        for layer, twin in self.copies:
            if twin.built and twin.weights:
                copy_weights(layer, twin)
        return copy

    def _copy(self, layer):
        if isinstance(layer, keras.Model) and getattr(layer, "inputs", None):
            return fold(layer, self.group_width) if computes_its_graph(layer) else layer
        if not isinstance(layer, keras.Layer):
            return type(layer).from_config(layer.get_config())  # an operation of keras.ops
        if not can_be_rebuilt(layer):
            return layer
        try:
            copy = type(layer).from_config(layer.get_config())
        except (NotImplementedError, TypeError, ValueError):
            return layer  # which holds something of a user's own
        self.copies.append((layer, copy))
        return copy

    def _call(self, layer, *args, **kwargs):
        """What the copy computes in place of one call of a layer."""
        if isinstance(layer, keras.Layer):
            original = self.model.get_layer(layer.name)
            if self.calls[layer.name] == 1 and len(args) == 1:
                output = self._folded(original, args[0])
                if output is not None:
                    return output
            if original._call_has_training_arg:
                kwargs = {**kwargs, "training": False}
        return layer(*args, **kwargs)

    def _folded(self, layer, x):
        if type(layer) in IDLE:
            return in_float(x, layer.name) if "float" in layer.output.dtype else x
        if type(layer) is keras.layers.Pipeline:
            return self._random_parts_left_out(layer, x)
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

    def _random_parts_left_out(self, pipeline, x):
        if "float" not in x.dtype:
            return None  # the first of them makes floats, on which the others depend
        parts = [part for part in pipeline.layers if type(part) not in IDLE]
        copies = [self._copy(part) for part in parts]
        return keras.layers.Pipeline(copies, name=pipeline.name)(x, training=False)

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
