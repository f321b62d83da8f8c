"""The pieces of every network: functions from tensor to tensor."""

import math

from keras import initializers
from keras import layers as keras_layers

from keras_senet import layers

# Caffe's and PyTorch's values, which all public SE weights were trained with.
MOMENTUM = 0.9
EPSILON = 1e-5
# Why the paper's fifth design cannot be had.
BASIC_3X3 = "basic blocks, which end in their second 3x3 convolution. Use placement 'standard'."


def batch_norm(x, name):
    """Batch normalization over the channels of `(N, H, W, C)`."""
    return layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=name)(x)


def relu(x, name):
    """Rectified linear unit."""
    return keras_layers.Activation("relu", name=name)(x)


def conv(x, filters, kernel_size, name, *, stride=1, groups=1):
    """Convolution without bias, padded by `kernel_size // 2` on all sides as in PyTorch and Caffe.

    TensorFlow's "same" pads a strided convolution of an even image at the far side only, which
    shifts every window: hence the explicit padding.
    """
    padding = "same"
    if stride > 1 and kernel_size == 1:
        padding = "valid"
    elif stride > 1:
        x = keras_layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x)
        padding = "valid"
    return layers.Conv2D(
        filters,
        kernel_size,
        strides=stride,
        padding=padding,
        groups=groups,
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)


def conv_bn(x, filters, kernel_size, name, *, stride=1, groups=1, activate=True):
    """Convolution, batch normalization and, if `activate`, ReLU."""
    x = conv(x, filters, kernel_size, name, stride=stride, groups=groups)
    x = batch_norm(x, f"{name}_bn")
    return relu(x, f"{name}_relu") if activate else x


def max_pool(x, padding, name):
    """3x3 max pooling with stride 2 of non-negative values.

    Args:
        x: `(N, H, W, C)`, non-negative: padded with zeros.
        padding: `"ceil"` for Caffe's (no padding, size rounded up), `"pad"` for PyTorch's (one
            pixel on all sides). For even sizes the outputs differ by a shift of one pixel.
        name: Name of the pooling layer.
    """
    border = {"ceil": ((0, 1), (0, 1)), "pad": 1}[padding]
    x = keras_layers.ZeroPadding2D(border, name=f"{name}_pad")(x)
    return keras_layers.MaxPooling2D(3, 2, name=name)(x)


def has_se(se, stage, placement):
    """Whether `se`, a `SEConfig` or `None`, has SE in `stage` at `placement`."""
    return se is not None and se.placement == placement and se.covers(stage)


def squeeze_excite(x, se, stage, placement, name, dtype=None):
    """The SE block that `se` has in `stage` at `placement`, or `x` itself where it has none."""
    if not has_se(se, stage, placement):
        return x
    return layers.SqueezeExcitation(
        reduction=se.ratio(stage, x.shape[-1]),
        divisor=se.divisor,
        squeeze=se.squeeze,
        gate=se.gate,
        activation=se.activation,
        use_bias=se.use_bias,
        dtype=dtype,
        name=name,
    )(x)


def residual_unit(x, branch, shortcut, se, stage, name, *, activate=True, scale=None):
    """`relu(shortcut(x) + SE(branch(x)))`, or SE at another place of the paper's figure 5.

    Args:
        x: `(N, H, W, C)`.
        branch: Function from tensor to tensor, the convolutions; `"3x3"` SE is its own matter.
        shortcut: Function from tensor to tensor, identity or projection.
        se: `SEConfig` or `None`.
        stage: Number of the stage in the paper.
        name: Name of the unit, which its last layer carries.
        activate: Whether the sum goes through ReLU.
        scale: Factor on the branch right before the sum, or `None`.
    """
    residual = branch(squeeze_excite(x, se, stage, "pre", f"{name}_se"))
    residual = squeeze_excite(residual, se, stage, "standard", f"{name}_se")
    if scale is not None:
        residual = keras_layers.Rescaling(scale, name=f"{name}_scale")(residual)
    identity = squeeze_excite(shortcut(x), se, stage, "identity", f"{name}_se")
    # The last layer carries the unit's name: SE, ReLU or the sum.
    post = has_se(se, stage, "post")
    names = [f"{name}_add", f"{name}_relu", name] if post else [f"{name}_add", name]
    if not activate:
        names.pop(1 if post else 0)
    x = keras_layers.Add(name=names[0])([identity, residual])
    if activate:
        x = relu(x, names[1])
    return squeeze_excite(x, se, stage, "post", name)


def activate(x, activation, name):
    """An activation of Keras by its name, such as `"relu6"`; `None` for none."""
    return x if activation is None else keras_layers.Activation(activation, name=name)(x)


def conv_norm(
    x,
    filters,
    kernel_size,
    name,
    *,
    stride=1,
    padding="torch",
    use_bias=False,
    epsilon=EPSILON,
    scale=True,
    activation: str | None = "relu",
):
    """`conv_bn` in the habits of another framework.

    Args:
        x: `(N, H, W, C)`.
        filters: Channels out.
        kernel_size: Size of the window, one number or (height, width).
        name: Name of the convolution, start of the others'.
        stride: Stride of the convolution.
        padding: `"torch"` (also Caffe: `kernel_size // 2` on all sides), or TensorFlow's `"same"`
            or `"valid"`.
        use_bias: Whether the convolution has a bias, which the normalization makes idle.
        epsilon: Added to the variance.
        scale: Whether the normalization has a gamma.
        activation: Name of Keras' activation, or `None`.
    """
    x, padding = _padded(x, kernel_size, stride, padding, name)
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides=stride,
        padding=padding,
        use_bias=use_bias,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    return _norm(x, epsilon, scale, activation, name)


def depthwise_norm(
    x,
    kernel_size,
    name,
    *,
    stride=1,
    padding="torch",
    epsilon=EPSILON,
    activation: str | None = "relu",
):
    """Depthwise convolution without bias, normalization, activation; arguments of `conv_norm`."""
    x, padding = _padded(x, kernel_size, stride, padding, name)
    x = keras_layers.DepthwiseConv2D(
        kernel_size,
        strides=stride,
        padding=padding,
        use_bias=False,
        # Keras' he_normal would count all channels as inputs of each output.
        depthwise_initializer=initializers.RandomNormal(stddev=math.sqrt(2 / kernel_size**2)),
        name=name,
    )(x)
    return _norm(x, epsilon, True, activation, name)


def _padded(x, kernel_size, stride, padding, name):
    """The image to convolve, and Keras' padding for it."""
    if padding != "torch":
        return x, padding
    if stride == 1:
        return x, "same"
    if kernel_size == 1:
        return x, "valid"
    return keras_layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x), "valid"


def _norm(x, epsilon, scale, activation, name):
    x = layers.BatchNormalization(
        momentum=MOMENTUM, epsilon=epsilon, scale=scale, name=f"{name}_bn"
    )(x)
    return activate(x, activation, f"{name}_{activation}")


def plain_unit(x, branch, se, stage, name):
    """`SE(branch(x))`: a unit without shortcut, with SE after (`"standard"`) or before (`"pre"`).

    Args:
        x: `(N, H, W, C)`.
        branch: Function from a tensor and the name of its last layer to a tensor.
        se: `SEConfig` or `None`.
        stage: Number of the stage.
        name: Name of the unit, which its last layer carries.
    """
    x = squeeze_excite(x, se, stage, "pre", f"{name}_se")
    x = branch(x, f"{name}_out" if has_se(se, stage, "standard") else name)
    return squeeze_excite(x, se, stage, "standard", name)
