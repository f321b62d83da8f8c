"""Weights of RGB images for images of other channels, as timm's `in_chans` adapts them."""

import numpy as np


def adapt_stem(kernel, channels, path):
    """The first convolution's kernel for images of so many channels.

    For one channel the three are summed: a grey image gives what it gives as RGB. For several,
    they are repeated in turn and scaled by `3 / channels`.

    Args:
        kernel: `(out, in, height, width)`, its inputs in the order RGB.
        channels: Channels of the model's images.
        path: Path of the file, for messages.

    Raises:
        ValueError: If the kernel reads neither so many channels nor three.

    Reference:
        `adapt_input_conv` of timm, timm/models/_manipulate.py.
    """
    stored = kernel.shape[1]
    if stored == channels:
        return kernel
    if stored != 3:
        raise ValueError(
            f"The network of {path} reads images of {stored} channels, the model of {channels}. "
            "Only weights for RGB can be adapted to other channels."
        )
    if channels == 1:
        return kernel.sum(axis=1, keepdims=True)
    return kernel[:, np.arange(channels) % 3] * kernel.dtype.type(3 / channels)
