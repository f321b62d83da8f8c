"""Gates of an image that a 1x1 convolution makes, computed from what that convolution reads."""

import keras

from keras_senet import layers
from keras_senet.surgery.linear import fc_weights, pointwise

# Gates as an activation that runtimes fuse into a convolution: `factor * activation(x + shift)`.
ACTIVATIONS = {
    "sigmoid": ("sigmoid", 0.0, 1.0),
    "tanh": ("tanh", 0.0, 1.0),
    "relu": ("relu", 0.0, 1.0),
    "hard_sigmoid": ("relu6", 3.0, 1 / 6),
    "doubled_sigmoid": ("sigmoid", 0.0, 2.0),
}


def narrow_gates(block, linear):
    """The gates that `block` computes of `U = W x + b`, computed of `x`.

    Args:
        block: A layer whose input is `U`.
        linear: The pointwise `LinearMap` of `U`.

    Returns:
        The gates and the factor that they are still to be multiplied by; `None` for ECA, which
        would need a matrix as large as `W`, and for squeezes that are not linear.
    """
    if type(block) is layers.SqueezeExcitation and block.squeeze in ("avg", "none"):
        x = _squeezed(block, linear) if block.squeeze == "avg" else linear.source
        hidden = _composed(x, linear, block.reduce, block.activation, f"{block.name}_reduce")
        activation, shift, factor = ACTIVATIONS[block.gate]
        kernel, bias = fc_weights(block.expand)
        return pointwise(hidden, kernel, bias + shift, activation, f"{block.name}_expand"), factor
    if type(block) is layers.EffectiveSE:
        activation, shift, factor = ACTIVATIONS[block.gate]
        x = _squeezed(block, linear)
        return _composed(x, linear, block.fc, activation, f"{block.name}_fc", shift), factor
    if type(block) is layers.SpatialChannelSE:
        return _of_channels_and_pixels(block, linear), 1.0
    return None


def _of_channels_and_pixels(block, linear):
    x = _squeezed(block, linear)
    hidden = _composed(x, linear, block.reduce, "relu", f"{block.name}_reduce")
    channels = pointwise(hidden, *fc_weights(block.expand), "sigmoid", f"{block.name}_expand")
    pixels = _composed(linear.source, linear, block.spatial, "sigmoid", f"{block.name}_spatial")
    if block.combination == "max":  # as the layer has it
        difference = keras.layers.Subtract(dtype="float32", name=f"{block.name}_difference")
        positive = keras.layers.ReLU(dtype="float32", name=f"{block.name}_relu")
        pixels = positive(difference([pixels, channels]))
    return keras.layers.Add(dtype="float32", name=f"{block.name}_gates")([channels, pixels])


def _squeezed(block, linear):
    squeeze = layers.GlobalAveragePooling2D
    return squeeze(keepdims=True, dtype="float32", name=f"{block.name}_squeeze")(linear.source)


def _composed(x, linear, convolution, activation, name, shift=0.0):
    """A 1x1 convolution of `W x + b` as one of `x`, or of means as one of means."""
    kernel, bias = fc_weights(convolution)
    bias = linear.bias @ kernel + bias + shift
    return pointwise(x, linear.matrix @ kernel, bias, activation, name)
