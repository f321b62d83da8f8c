"""Folding: a trained network with fewer operations and the same outputs."""

import keras
import numpy as np

from keras_senet import layers
from keras_senet.layers.idle import IDLE
from keras_senet.surgery.gates import narrow_gates
from keras_senet.surgery.graph import Graph, functional, takes_training
from keras_senet.surgery.linear import (
    NORMALIZATIONS,
    LinearMap,
    in_float,
    is_linear,
    normalization,
    pointwise,
)
from keras_senet.surgery.rewrite import (
    can_be_rebuilt,
    check_call,
    computes_its_graph,
    copied,
    rewrite,
)
from keras_senet.weights.named_classes import keep_names


def fold(model: keras.Model, group_width: int = 1) -> keras.Model:
    """A copy of a network for inference only: fewer operations, the same outputs.

    - Dropout, noise and random augmentation are left out; batch normalization and constant
      factors are multiplied into the convolution or matrix product before them.
    - The squeeze of an SE block behind a linear 1x1 convolution reads what that convolution
      reads: with `U = W x + b` the mean of `W1 U + b1` over the pixels is
      `(W1 W) mean(x) + (W1 b + b1)`. That is exact, and takes a fraction of the memory traffic
      wherever the convolution widens (a quarter in ResNet, half in ResNeXt, grouped ones included).
      So do the gates of eSE and scSE; ECA stays as it is.
    - Global average pooling sums few values at a time, for runtimes that sum in half precision:
      see `layers.GlobalAveragePooling2D`. So do the squeezes of all blocks, at any inference.
    - Constant factors and offsets of a gate (hard and doubled sigmoid) go into the convolutions.
    - Factors and offsets of channels with no convolution before them, as of raw pixels, become a
      1x1 convolution, which runtimes compute several times faster than a multiplication and an
      addition.
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
        >>> model = keras_senet.SEResNet20()
        >>> model.count_params() - fold(model).count_params()
        2340
    """
    check_call(model)
    graph = functional(model)
    if isinstance(group_width, bool) or not isinstance(group_width, int) or group_width < 1:
        raise ValueError(
            f"Argument `group_width` must be an integer above 0. Received: {group_width!r}"
        )
    # A plain `keras.Model`, not compiled, also for a model of a subclass.
    graph = keras.Model(graph.input, graph.output, name=model.name)
    folding = _Folding(graph, group_width)
    folded = rewrite(graph, folding.call, folding.copy)
    keep_names(model, folded)
    return folded


def _channels_rescaled(layer, x):
    """Factors and offsets of channels as a convolution, or `None` where they are plain numbers.

    Runtimes broadcast along the last axis of an image slowly: in int8 the multiplication and the
    addition take ten times as long as this convolution with a diagonal matrix.
    """
    if len(x.shape) != 4 or (np.ndim(layer.scale) == 0 and np.ndim(layer.offset) == 0):
        return None
    factors, offsets = (
        np.broadcast_to(np.asarray(values, "float64"), x.shape[-1])
        for values in (layer.scale, layer.offset)
    )
    return pointwise(x, np.diag(factors), offsets, None, layer.name)


def _pooled_in_stages(layer, x):
    if layer.data_format != "channels_last":
        return None
    pooling = layers.GlobalAveragePooling2D(
        data_format=layer.data_format,
        keepdims=layer.keepdims,
        dtype=layer.dtype_policy,
        name=layer.name,
    )
    return pooling(x)


class _Folding:
    """One walk over a graph; each rewritten tensor remembers the linear map it is made of.

    The output of a linear map that one call reads is a tensor without a layer at first: the next
    layer may be folded into the map. It becomes a layer where it is not.
    """

    def __init__(self, model, group_width):
        self.graph = Graph(model)
        self.group_width = group_width
        self.maps = {}  # tensor without a layer -> the linear map that computes it
        self.made = {}  # the same tensor -> the output of the map's layer
        self.products = {}  # tensor -> the linear map and the gates whose product it is
        self.inner = {}  # name of a model inside -> the folded model

    def copy(self, layer):
        """The layer of the new model in place of this one."""
        if not isinstance(layer, keras.Layer):
            return copied(layer)  # an operation of keras.ops
        if isinstance(layer, keras.Model) or not can_be_rebuilt(layer):
            return layer
        try:
            return copied(layer)
        except (NotImplementedError, TypeError, ValueError):
            return layer  # its configuration holds an object of the user's own

    def call(self, layer, *args, **kwargs):
        """What the new model computes in place of one call of a layer."""
        if not isinstance(layer, keras.Layer):
            args, kwargs = keras.tree.map_structure(self._layer_output, (args, kwargs))
            return layer(*args, **kwargs)
        calls = self.graph.calls[layer.name]
        if len(calls) == 1 and len(args) == 1:
            folded = self._folded(calls[0].operation, args[0], calls[0].output_tensors[0])
            if folded is not None:
                return folded
        args, kwargs = keras.tree.map_structure(self._layer_output, (args, kwargs))
        if takes_training(layer):
            kwargs = {**kwargs, "training": False}
        return self._inner(layer)(*args, **kwargs)

    def _layer_output(self, x):
        """The tensor itself, or the output of a layer in place of one that has none."""
        if isinstance(x, keras.KerasTensor):
            if x in self.maps:
                self.made[x] = self.maps.pop(x).call(self.group_width)
            return self.made.get(x, x)
        return x

    def _inner(self, layer):
        """A model inside folded; other layers as they are."""
        if not computes_its_graph(layer):
            return layer
        if layer.name not in self.inner:
            self.inner[layer.name] = fold(layer, self.group_width)
        return self.inner[layer.name]

    def _folded(self, layer, x, output):
        """What a layer that is called once computes of `x`, or `None`; `output` was its output."""
        if type(layer) in IDLE:
            x = x if self._goes_into_one_call(output) else self._layer_output(x)
            return in_float(x, layer.name) if "float" in output.dtype else x
        if type(layer) in NORMALIZATIONS and layer.axis in (-1, len(x.shape) - 1):
            return self._rescaled(x, *normalization(layer), output)
        is_factor = type(layer) in (keras.layers.Rescaling, layers.ImageNormalization)
        if is_factor:
            rescaled = self._rescaled(x, layer.scale, layer.offset, output)
            if rescaled is not None:
                return rescaled
        if isinstance(layer, layers.ChannelAttention):
            return self._attended(layer, x, output)
        x = self._layer_output(x)
        if type(layer) is keras.layers.Pipeline:
            return self._random_parts_left_out(layer, x)
        if is_linear(layer):
            return self._mapped(LinearMap.of(layer, x), output)
        if is_factor:
            return _channels_rescaled(layer, x)
        if type(layer) is keras.layers.GlobalAveragePooling2D and len(x.shape) == 4:
            return _pooled_in_stages(layer, x)
        return None

    def _random_parts_left_out(self, pipeline, x):
        if "float" not in x.dtype:
            return None  # its first layer makes floats, which the others depend on
        parts = [part for part in pipeline.layers if type(part) not in IDLE]
        copies = [self.copy(part) for part in parts]
        return keras.layers.Pipeline(copies, name=pipeline.name)(x, training=False)

    def _goes_into_one_call(self, output):
        return self.graph.is_read_once(output) and not self.graph.is_output(output)

    def _mapped(self, linear, output):
        if not self._goes_into_one_call(output):
            return linear.call(self.group_width)
        y = keras.KerasTensor(output.shape, "float32")
        self.maps[y] = linear
        return y

    def _rescaled(self, x, factor, offset, output):
        if x in self.maps:
            return self._mapped(self.maps.pop(x).scaled(factor, offset), output)
        if x in self.products and not np.any(offset):
            linear, gates, name = self.products.pop(x)
            return self._product(linear.scaled(factor), gates, name, output)
        return None

    def _attended(self, block, x, output):
        linear = self.maps.get(x)
        if linear is None or not linear.is_pointwise:
            return None
        if linear.matrix.shape[0] > linear.matrix.shape[1]:
            return None  # the convolution narrows: its output is smaller to read than its input
        found = narrow_gates(block, linear)
        if found is None:
            return None
        gates, factor = found
        del self.maps[x]
        return self._product(linear.scaled(factor), gates, block.name, output)

    def _product(self, linear, gates, name, output):
        multiply = keras.layers.Multiply(dtype="float32", name=name)
        y = multiply([linear.call(self.group_width), gates])
        if self.graph.is_read_once(output):
            self.products[y] = linear, gates, name
        return y
