"""Operators with weights as Keras layers that train with the rounding of int8."""

from keras_senet.layers.quantized import (
    QuantizedConv2D,
    QuantizedDense,
    QuantizedDepthwiseConv2D,
)
from keras_senet.layers.tflite_operator import FUSED, padding_of

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def weighted_layer(kind, options, kernel, x, name):
    """The Keras layer of an operator with weights."""
    activation = FUSED[options.fusedActivationFunction]
    if activation is None:
        raise ValueError(f"Layer {name!r} ends in a clip to -1..1, which cannot be trained.")
    activation = None if activation == "none" else activation
    shared = {"activation": activation, "dtype": "float32", "name": name}
    if kind == "FULLY_CONNECTED":
        return QuantizedDense(len(kernel), **shared)
    shared.update(
        kernel_size=kernel.shape[1:3],
        strides=(options.strideH, options.strideW),
        dilation_rate=(options.dilationHFactor, options.dilationWFactor),
        padding=padding_of(vars(options)),
    )
    if kind == "DEPTHWISE_CONV_2D":
        multiplier = kernel.shape[-1] // x.shape[-1]
        return QuantizedDepthwiseConv2D(depth_multiplier=multiplier, **shared)
    return QuantizedConv2D(len(kernel), groups=x.shape[-1] // kernel.shape[-1], **shared)


def in_keras(kind, kernel, layer):
    """A kernel of TensorFlow Lite in the shape of the Keras layer's."""
    if kind == "FULLY_CONNECTED":
        return kernel.T
    if kind == "DEPTHWISE_CONV_2D":
        return kernel[0].reshape(layer.kernel.shape)
    return kernel.transpose(1, 2, 3, 0)
