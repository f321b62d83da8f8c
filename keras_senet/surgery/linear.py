"""Convolutions as linear maps, into which factors, offsets and wider groups are worked."""

import dataclasses
import typing

import keras
import numpy as np

from keras_senet import layers


@dataclasses.dataclass(frozen=True)
class LinearMap:
    """A convolution with bias, without activation, and the tensor that it reads.

    Attributes:
        layer: The Keras layer it comes from: `Conv2D`, `DepthwiseConv2D` or `Dense`.
        source: The tensor that it reads.
        kernel: Its weights in float64, the outputs last: `(h, w, C / groups, filters)`,
            `(h, w, C, multiplier)` of a depthwise convolution, `(C, units)` of a matrix product.
        bias: `(filters,)` in float64.
        groups: Groups of the convolution.
    """

    layer: keras.Layer
    source: typing.Any
    kernel: np.ndarray
    bias: np.ndarray
    groups: int

    @classmethod
    def of(cls, layer, source):
        """The map of a built layer with its own weights."""
        kernel = np.asarray(layer.kernel, "float64")
        filters = kernel.shape[2] * kernel.shape[3] if is_depthwise(layer) else kernel.shape[-1]
        bias = np.asarray(layer.bias, "float64") if layer.use_bias else np.zeros(filters)
        source = source if source is None else in_float(source, layer.name)
        return cls(layer, source, kernel, bias, getattr(layer, "groups", 1))

    def scaled(self, factor, offset=0.0):
        """This map followed by `factor * y + offset`; both are numbers or `(filters,)`."""
        columns = np.broadcast_to(factor, self.bias.shape)
        if is_depthwise(self.layer):
            columns = columns.reshape(self.kernel.shape[2:])
        return dataclasses.replace(
            self, kernel=self.kernel * columns, bias=self.bias * factor + offset
        )

    @property
    def is_pointwise(self):
        """Whether each output pixel is a function of the same input pixel: a 1x1 of stride 1."""
        return (
            type(self.layer) in CONVOLUTIONS
            and self.kernel.shape[:2] == (1, 1)
            and tuple(self.layer.strides) == (1, 1)
        )

    @property
    def matrix(self):
        """A pointwise map's `(C, filters)`, zero between the groups."""
        return merged_groups(self.kernel, self.groups, 1)[0, 0]

    def call(self, group_width=1):
        """Calls a new layer of this map, of the same name, on `source`.

        Args:
            group_width: Groups of fewer input channels are merged to at least that many.
        """
        kernel, groups = self.kernel, self.groups
        # The weights are known: random ones would be drawn for nothing.
        unset = "depthwise_initializer" if is_depthwise(self.layer) else "kernel_initializer"
        config = self.layer.get_config() | {"use_bias": True, "dtype": "float32", unset: "zeros"}
        kind = type(self.layer)
        if kind in CONVOLUTIONS:
            groups = wide_groups(groups, kernel.shape[2], group_width)
            kernel = merged_groups(kernel, self.groups, groups)
            # Keras' own layer compiles grouped convolutions with XLA, which a runtime may lack.
            kind, config["groups"] = layers.Conv2D, groups
        layer = kind.from_config(config)
        output = layer(self.source)
        layer.set_weights([kernel.astype("float32"), self.bias.astype("float32")])
        return output


NORMALIZATIONS = (keras.layers.BatchNormalization, layers.BatchNormalization)
CONVOLUTIONS = (keras.layers.Conv2D, layers.Conv2D)


def is_depthwise(layer):
    """Whether the layer is a depthwise convolution, whose outputs fill two axes of its kernel."""
    return type(layer) is keras.layers.DepthwiseConv2D


def is_linear(layer):
    """Whether the layer is a linear map that can be folded into: no activation, channels last."""
    kinds = (*CONVOLUTIONS, keras.layers.DepthwiseConv2D, keras.layers.Dense)
    return (
        type(layer) in kinds
        and layer.activation is keras.activations.linear
        and getattr(layer, "data_format", "channels_last") == "channels_last"
        and not getattr(layer, "lora_enabled", False)
        and getattr(layer, "quantization_mode", None) is None
    )


def normalization(layer):
    """Factor and offset of a frozen batch normalization, `(C,)` each in float64."""
    weights = {
        name: np.asarray(getattr(layer, name), "float64")
        for name, present in (("gamma", layer.scale), ("beta", layer.center))
        if present
    }
    deviation = np.sqrt(np.asarray(layer.moving_variance, "float64") + layer.epsilon)
    factor = weights.get("gamma", 1.0) / deviation
    return factor, weights.get("beta", 0.0) - factor * np.asarray(layer.moving_mean, "float64")


def in_float(x, name):
    """A tensor of integers, as pixels may be, in float32; other tensors as they are.

    Args:
        x: A symbolic tensor.
        name: Name of the layer that reads it; the new layer is `{name}_float`.
    """
    if "float" in x.dtype:
        return x
    # A layer, since operations of keras.ops cannot be named and names must be unique.
    return keras.layers.Rescaling(1.0, dtype="float32", name=f"{name}_float")(x)


def fc_weights(convolution):
    """Matrix `(C, filters)` and bias `(filters,)` of an SE block's FC layer, in float64."""
    linear = LinearMap.of(convolution, None)
    return linear.kernel[0, 0], linear.bias


def pointwise(x, matrix, bias, activation, name):
    """A new 1x1 convolution of an image by a matrix `(C, filters)`."""
    layer = layers.Conv2D(
        len(bias),
        1,
        activation=activation,
        kernel_initializer="zeros",
        dtype="float32",
        name=name,
    )
    output = layer(in_float(x, name))
    layer.set_weights([matrix[None, None].astype("float32"), bias.astype("float32")])
    return output


def wide_groups(groups, channels, least):
    """The most groups, a divisor of `groups`, that have at least `least` input channels each.

    Args:
        groups: Groups of a convolution.
        channels: Input channels of each; with one, it is a depthwise convolution and stays.
        least: Input channels that each shall have, if the convolution has so many.
    """
    if channels == 1:
        return groups
    fitting = [
        count
        for count in range(1, groups + 1)
        if groups % count == 0 and groups // count * channels >= least
    ]
    return max(fitting, default=1)


def merged_groups(kernel, groups, merged):
    """The kernel of the same convolution in fewer groups, filled up with zeros.

    Args:
        kernel: `(h, w, C / groups, filters)`.
        groups: Groups of the kernel.
        merged: Groups of the result, a divisor.

    Returns:
        `(h, w, C / merged, filters)`.
    """
    if merged == groups:
        return kernel
    *window, channels, filters = kernel.shape
    ratio, width = groups // merged, filters // groups
    result = np.zeros((*window, ratio * channels, filters), kernel.dtype)
    for group in range(groups):
        columns = slice(group * width, (group + 1) * width)
        row = group % ratio * channels
        result[..., row : row + channels, columns] = kernel[..., columns]
    return result
