"""Weights of RGB images for images of other channels, as timm's `in_chans` adapts them."""

import numpy as np


def adapt_stem(kernel, channels):
    """The first convolution's kernel for images of so many channels.

    For one channel the three are summed: a grey image gives what it gives as RGB. For several,
    they are repeated in turn and scaled by `3 / channels`. Kernels of no RGB are left as they are.

    Args:
        kernel: `(out, in, height, width)`, its inputs in the order RGB.
        channels: Channels of the model's images.

    Reference:
        `adapt_input_conv` of timm, timm/models/_manipulate.py.
    """
    if kernel.shape[1] != 3 or channels == 3:
        return kernel
    if channels == 1:
        return kernel.sum(axis=1, keepdims=True)
    return kernel[:, np.arange(channels) % 3] * kernel.dtype.type(3 / channels)
