"""What a block of channel attention costs for one image."""

import math

from keras_senet import layers


def attention_operations(layer, shape):
    """Multiply-adds of the excitation, and additions of the squeeze.

    Args:
        layer: A `ChannelAttention`.
        shape: `(H, W, C)` of its input.

    Raises:
        ValueError: If it is of a kind that is not known here.
    """
    pixels, channels = math.prod(shape[:2]), shape[2]
    if isinstance(layer, layers.EfficientChannelAttention):
        return channels * layer.kernel_width(channels), pixels * channels
    if isinstance(layer, layers.EffectiveSE):
        return channels**2, pixels * channels
    if isinstance(layer, layers.SpatialChannelSE):
        fully_connected = 2 * channels * layer.hidden_width(channels)
        return fully_connected + pixels * channels, pixels * channels
    if isinstance(layer, layers.SqueezeExcitation):
        return _squeeze_excitation(layer, pixels, channels)
    raise ValueError(
        f"The multiply-adds of layer {layer.name!r} are unknown: no rule for a block of class "
        f"{type(layer).__name__}."
    )


def _squeeze_excitation(layer, pixels, channels):
    macs = 2 * channels * layer.hidden_width(channels)  # of both FC layers
    if layer.squeeze == "none":
        return macs * pixels, 0
    if layer.squeeze == "conv":
        return macs + pixels * channels, 0
    return macs, pixels * channels
