"""The pieces of every network: functions from tensor to tensor."""

from keras import layers as keras_layers

from keras_senet import layers

# Caffe's and PyTorch's values, which all public SE weights were trained with.
MOMENTUM = 0.9
EPSILON = 1e-5


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


def squeeze_excite(x, se, stage, placement, name):
    """The SE block that `se` has in `stage` at `placement`, or `x` itself where it has none."""
    if se is None or se.placement != placement or not se.covers(stage):
        return x
    return layers.SqueezeExcitation(
        reduction=se.reduction,
        divisor=se.divisor,
        squeeze=se.squeeze,
        gate=se.gate,
        activation=se.activation,
        use_bias=se.use_bias,
        name=name,
    )(x)


def residual_unit(x, branch, shortcut, se, stage, name, *, activate=True):
    """`relu(shortcut(x) + SE(branch(x)))`, or SE at another place of the paper's figure 5.

    Args:
        x: `(N, H, W, C)`.
        branch: Function from tensor to tensor, the convolutions; `"3x3"` SE is its own matter.
        shortcut: Function from tensor to tensor, identity or projection.
        se: `SEConfig` or `None`.
        stage: Number of the stage in the paper.
        name: Name of the unit, which its last layer carries.
        activate: Whether the sum goes through ReLU.
    """
    residual = branch(squeeze_excite(x, se, stage, "pre", f"{name}_se"))
    residual = squeeze_excite(residual, se, stage, "standard", f"{name}_se")
    identity = squeeze_excite(shortcut(x), se, stage, "identity", f"{name}_se")
    # The last layer carries the unit's name: SE, ReLU or the sum.
    post = se is not None and se.placement == "post" and se.covers(stage)
    names = [f"{name}_add", f"{name}_relu", name] if post else [f"{name}_add", name]
    if not activate:
        names.pop(1 if post else 0)
    x = keras_layers.Add(name=names[0])([identity, residual])
    if activate:
        x = relu(x, names[1])
    return squeeze_excite(x, se, stage, "post", name)
