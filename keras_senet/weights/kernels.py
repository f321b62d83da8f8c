"""Kernels: PyTorch's and Keras' order of axes, and images of other channels than RGB."""

import numpy as np


def as_in_torch(value):
    """An array in Keras' order of axes, brought to PyTorch's.

    Kernels `(height, width, in, out)` become `(out, in, height, width)`, depthwise ones
    `(height, width, C, 1)` become `(C, 1, height, width)`, kernels over one axis `(width, in, out)`
    become `(out, in, width)`, matrices `(in, out)` become `(out, in)`. Vectors are returned as
    they are.
    """
    if value.ndim == 4:
        depthwise = value.shape[3] == 1 < value.shape[2]
        return value.transpose(2, 3, 0, 1) if depthwise else value.transpose(3, 2, 0, 1)
    return value.T if value.ndim in (2, 3) else value


def as_in_keras(value, shape):
    """The inverse of `as_in_torch`.

    Args:
        value: Array in PyTorch's order of axes.
        shape: Shape of the Keras variable that it is for, which tells depthwise kernels apart.
    """
    if value.ndim == 4:
        depthwise = value.shape[1] == 1 and len(shape) == 4 and shape[3] == 1 < shape[2]
        return value.transpose(2, 3, 0, 1) if depthwise else value.transpose(2, 3, 1, 0)
    return value.T if value.ndim in (2, 3) else value


def adapt_stem(kernel, channels):
    """The first convolution's kernel for RGB, adapted to images of another number of channels.

    For one channel the kernels of the three are summed: a grey image gives the outputs of its RGB
    copy, or nearly, see `Preprocessing.of_channels`. For several channels they are repeated in turn
    and scaled by `3 / channels`. Kernels of other than three channels are returned as they are.

    Args:
        kernel: `(height, width, in, out)`, its inputs in the order RGB.
        channels: Number of channels of the model's images.

    Reference:
        `adapt_input_conv` of timm, timm/models/_manipulate.py.
    """
    if kernel.shape[2] != 3 or channels == 3:
        return kernel
    if channels == 1:
        return kernel.sum(axis=2, keepdims=True)
    return kernel[:, :, np.arange(channels) % 3] * kernel.dtype.type(3 / channels)
