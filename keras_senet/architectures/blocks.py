"""The pieces of every network: functions from tensor to tensor."""

import math

from keras import layers as keras_layers

from keras_senet import layers

# Caffe's and PyTorch's values, which the public weights of SE-ResNets were trained with.
MOMENTUM = 0.9
EPSILON = 1e-5
# Why basic blocks have no SE placement "3x3".
BASIC_3X3 = "basic blocks, which end in their second 3x3 convolution. Use placement 'standard'."


def conv_norm(
    x,
    filters,
    kernel_size,
    name,
    *,
    stride=1,
    dilation=1,
    groups=1,
    padding="torch",
    use_bias=False,
    epsilon=EPSILON,
    scale=True,
    activation: str | None = "relu",
    last: str | None = None,
):
    """Convolution, batch normalization, activation: `(N, H, W, C)` to `(N, H', W', filters)`.

    Args:
        x: `(N, H, W, C)`.
        filters: Channels out.
        kernel_size: Size of the window in pixels, one number or (height, width).
        name: Name of the convolution; the normalization is `{name}_bn`.
        stride: Stride of the convolution in pixels.
        dilation: Distance of the window's pixels, 1 where `stride` is more.
        groups: Groups of the convolution.
        padding: `"torch"` (also Caffe's), `kernel_size // 2` pixels on all sides, or Keras'
            `"same"` or `"valid"`. Of an even image `"same"` pads a convolution of stride 2 at the
            far sides only, which shifts every window by a pixel: weights fit one of the two.
        use_bias: Whether the convolution has a bias, whose effect the normalization removes.
        epsilon: Added to the variance; TensorFlow's networks have 1e-3.
        scale: Whether the normalization has a gamma.
        activation: Name of Keras' activation, such as `"relu6"`, or `None` for none.
        last: Name of the activation's layer where it ends a block. `None`: `{name}_{activation}`.
    """
    x = conv(
        x,
        filters,
        kernel_size,
        name,
        stride=stride,
        dilation=dilation,
        groups=groups,
        padding=padding,
        use_bias=use_bias,
    )
    x = batch_norm(x, f"{name}_bn", epsilon=epsilon, scale=scale)
    return activate(x, activation, last or f"{name}_{activation}")


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
    """`conv_norm` with a depthwise convolution, without bias: each channel by itself."""
    x, padding = _padded(x, kernel_size, stride, padding, name)
    x = keras_layers.DepthwiseConv2D(
        kernel_size,
        strides=stride,
        padding=padding,
        use_bias=False,
        # Keras' he_normal would count all channels as inputs of each output.
        depthwise_initializer=layers.Normal(math.sqrt(2 / kernel_size**2)),
        name=name,
    )(x)
    x = batch_norm(x, f"{name}_bn", epsilon=epsilon)
    return activate(x, activation, f"{name}_{activation}")


def conv(
    x,
    filters,
    kernel_size,
    name,
    *,
    stride=1,
    dilation=1,
    groups=1,
    padding="torch",
    use_bias=False,
):
    """The convolution of `conv_norm` alone."""
    x, padding = _padded(x, kernel_size, stride, padding, name)
    return layers.Conv2D(
        filters,
        kernel_size,
        strides=stride,
        padding=padding,
        dilation_rate=dilation,
        groups=groups,
        use_bias=use_bias,
        kernel_initializer=layers.HeNormal(),
        name=name,
    )(x)


def batch_norm(x, name, *, epsilon=EPSILON, scale=True):
    """Batch normalization over the channels of `(N, H, W, C)`, with a gamma if `scale`."""
    return layers.BatchNormalization(momentum=MOMENTUM, epsilon=epsilon, scale=scale, name=name)(x)


def activate(x, activation, name):
    """An activation of Keras by its name, such as `"relu6"`; `None` for none."""
    return x if activation is None else keras_layers.Activation(activation, name=name)(x)


def _padded(x, kernel_size, stride, padding, name):
    """The image to convolve, and Keras' padding for it."""
    if padding != "torch":
        return x, padding
    if stride == 1:
        return x, "same"
    if kernel_size == 1:
        return x, "valid"
    return keras_layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x), "valid"


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


def average_pool(x, stride, name):
    """2x2 average pooling of stride 2, or of stride 1 in a stage that is dilated instead.

    Its size is rounded up: at the far sides the average is of the pixels inside the image only.
    That of stride 1 counts zeros outside of the image, as timm's does.

    Args:
        x: `(N, H, W, C)`.
        stride: 1 or 2.
        name: Name of the pooling layer.
    """
    if stride == 1:
        x = keras_layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}_pad")(x)
        return keras_layers.AveragePooling2D(2, 1, name=name)(x)
    return keras_layers.AveragePooling2D(2, stride, padding="same", name=name)(x)


def has_se(se, stage, placement):
    """Whether `se`, an `AttentionConfig` or `None`, has blocks in `stage` at `placement`."""
    return se is not None and se.placement == placement and se.covers(stage)


def squeeze_excite(x, se, stage, placement, name, channels_in, dtype=None):
    """The SE block or its kin that `se` has in `stage` at `placement`; `x` itself where none.

    Args:
        x: `(N, H, W, C)`.
        se: `AttentionConfig` or `None`.
        stage: Number of the stage.
        placement: The place in the unit where this call is.
        name: Name of the block.
        channels_in: Channels that enter the unit, which `SEConfig(ratio_of="input")` divides.
        dtype: Its dtype policy, or `None` for the global one.
    """
    if not has_se(se, stage, placement):
        return x
    return se.layer(stage, channels_in, name, dtype)(x)


def residual_unit(
    x, branch, shortcut, se, stage, name, *, has_relu=True, scale=None, drop_rate=0.0
):
    """`relu(shortcut(x) + SE(branch(x)))`, or SE at another place of the paper's figure 5.

    Args:
        x: `(N, H, W, C)`.
        branch: Function from tensor to tensor, the convolutions. At the placement `"3x3"` the
            branch itself inserts SE between its convolutions.
        shortcut: Function from tensor to tensor, identity or projection.
        se: `AttentionConfig` or `None`.
        stage: Number of the stage in the paper.
        name: Name of the unit, which its last layer carries.
        has_relu: Whether the sum goes through ReLU.
        scale: Factor on the branch right before the sum, or `None`.
        drop_rate: Share of images whose branch is dropped in training (stochastic depth); the
            others' is divided by `1 - drop_rate`.
    """
    channels_in = x.shape[-1]
    residual = branch(squeeze_excite(x, se, stage, "pre", f"{name}_se", channels_in))
    residual = squeeze_excite(residual, se, stage, "standard", f"{name}_se", channels_in)
    if scale is not None:
        residual = keras_layers.Rescaling(scale, name=f"{name}_scale")(residual)
    identity = squeeze_excite(shortcut(x), se, stage, "identity", f"{name}_se", channels_in)
    if drop_rate:
        one_an_image = (None, 1, 1, 1)
        residual = keras_layers.Dropout(drop_rate, one_an_image, name=f"{name}_drop")(residual)
        if identity is not x:
            # Both ways to the sum stay as long as each other is without dropping, and so Keras'
            # order of their layers, by which `.weights.h5` files name the weights.
            identity = keras_layers.Identity(name=f"{name}_keep")(identity)
    # The last layer carries the unit's name: SE, ReLU or the sum.
    post = has_se(se, stage, "post")
    names = [f"{name}_add", f"{name}_relu", name] if post else [f"{name}_add", name]
    if not has_relu:
        names.pop(1 if post else 0)
    x = keras_layers.Add(name=names[0])([identity, residual])
    if has_relu:
        x = activate(x, "relu", names[1])
    return squeeze_excite(x, se, stage, "post", name, channels_in)


def plain_unit(x, branch, se, stage, name):
    """`SE(branch(x))`: a unit without shortcut, with SE after (`"standard"`) or before (`"pre"`).

    Args:
        x: `(N, H, W, C)`.
        branch: Function from a tensor and the name of its last layer to a tensor.
        se: `AttentionConfig` or `None`.
        stage: Number of the stage.
        name: Name of the unit, which its last layer carries.
    """
    channels_in = x.shape[-1]
    x = squeeze_excite(x, se, stage, "pre", f"{name}_se", channels_in)
    x = branch(x, f"{name}_out" if has_se(se, stage, "standard") else name)
    return squeeze_excite(x, se, stage, "standard", name, channels_in)


def unit_without_sum(x, branch, se, stage, name):
    """`SE(branch(x))`: a unit of a residual network whose shape changes, without any shortcut.

    SE designs `"standard"` and `"post"` are the same place, `"identity"` is none.

    Args:
        x: `(N, H, W, C)`.
        branch: Function from a tensor to a tensor.
        se: `AttentionConfig` or `None`.
        stage: Number of the stage.
        name: Name of the unit, which its last layer carries.
    """
    channels_in = x.shape[-1]
    x = branch(squeeze_excite(x, se, stage, "pre", f"{name}_se", channels_in))
    for placement in ("standard", "post"):
        if has_se(se, stage, placement):
            return squeeze_excite(x, se, stage, placement, name, channels_in)
    return keras_layers.Identity(name=name)(x)
