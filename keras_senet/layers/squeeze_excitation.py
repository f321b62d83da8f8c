"""The Squeeze-and-Excitation block of Hu et al., in its whole design space."""

import math
import numbers
from collections.abc import Callable

import keras
from keras import ops

from keras_senet.layers.channel_attention import ChannelAttention, FullyConnected
from keras_senet.layers.gates import GATES, bias_for, check_gate

SQUEEZES = ("avg", "max", "none", "conv")


@keras.saving.register_keras_serializable(package="keras_senet")
class SqueezeExcitation(ChannelAttention):
    """Rescales every channel by a gate computed from the whole image.

    With `U` the input of shape `(N, H, W, C)` and `h` the hidden width,

        z = mean over H, W of U                          (squeeze,    eq. 2)
        s = gate(W2 activation(W1 z + b1) + b2)          (excitation, eq. 3)
        output = s * U                                   (scale,      eq. 4)

    with `W1: C -> h` and `W2: h -> C` the two fully connected (FC) layers, `reduce` and `expand`.
    Squeeze, FC layers and gate run in float32 under a half-precision policy, with weights in
    float32, and in float64 under a float64 policy; the scaling and the output have the policy's
    compute dtype. Integers are cast to it.

    On TensorFlow, training takes derivatives of any order, backward and forward.

    Args:
        reduction: Reduction ratio r. `h = max(1, floor(C / r))`.
        divisor: `None`, or an integer to whose nearest multiple `h` is rounded, at least to
            `divisor` itself: 8 reproduces the SE networks of timm.
        squeeze: `"avg"` or `"max"` over the image, `"none"` (the FC layers become 1x1
            convolutions on the full map, table 16), or `"conv"` (a global depthwise convolution
            that starts as the average; needs a static H and W).
        gate: `"sigmoid"`, `"tanh"`, `"relu"` (table 12), `"hard_sigmoid"`, or `"doubled_sigmoid"`,
            which is 1 at 0: an SE block that can start as the identity, see `add_se`.
        activation: Activation between the two FC layers, any of Keras'.
        use_bias: Whether both FC layers have biases. The released models have them, the paper's
            ablations do not.
        kernel_initializer: Initializer of both kernels.
        round_limit: Least share of `C / r`, in 0..1, that rounding to a multiple of `divisor`
            leaves of `h`; where the nearest multiple is less, `h` is the next one. 0.9 in
            MobileNetV3, 0 in timm's ResNets.
        base_channels: Number of channels that `reduction` divides, in place of `C`; `None` for
            `C`. RegNetY and EfficientNet divide the channels that enter the residual unit.
        start: Value of the gates of a new layer where its kernels contribute nothing, by the bias
            `b2`; `None`: `b2 = 0` (the paper), with which a sigmoid begins around 1/2.
        **kwargs: `name`, `dtype` and `trainable`, as for every Keras layer.

    Input shape: `(N, H, W, C)`, channels last; H and W may be `None`. Output shape: the same.

    Raises:
        ValueError: If an argument is none of these, or the input is not of rank 4.

    Reference:
        [Squeeze-and-Excitation Networks](https://arxiv.org/abs/1709.01507), section 3.

    Example:
        >>> layer = SqueezeExcitation(reduction=16)
        >>> layer(keras.ops.ones((2, 7, 7, 256))).shape
        TensorShape([2, 7, 7, 256])
    """

    kind = "an SE block"
    parts = ("reduce", "expand")

    def __init__(
        self,
        reduction: float = 16,
        divisor: int | None = None,
        squeeze: str = "avg",
        gate: str = "sigmoid",
        activation: str | Callable | None = "relu",
        use_bias: bool = True,
        kernel_initializer: str | keras.Initializer = "he_normal",
        round_limit: float = 0.0,
        base_channels: int | None = None,
        start: float | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        ratio = check_reduction(reduction)
        if divisor is not None and (
            isinstance(divisor, bool) or not isinstance(divisor, numbers.Integral) or divisor < 1
        ):
            raise ValueError(
                "Argument `divisor` must be None or an integer of at least 1. "
                f"Received: {divisor!r}"
            )
        if not isinstance(round_limit, numbers.Real) or not 0 <= round_limit <= 1:
            raise ValueError(f"Argument `round_limit` must be in 0..1. Received: {round_limit!r}")
        if base_channels is not None and (
            isinstance(base_channels, bool)
            or not isinstance(base_channels, numbers.Integral)
            or base_channels < 1
        ):
            raise ValueError(
                "Argument `base_channels` must be None or an integer of at least 1. "
                f"Received: {base_channels!r}"
            )
        if squeeze not in SQUEEZES:
            raise ValueError(f"Argument `squeeze` must be one of {SQUEEZES}. Received: {squeeze!r}")
        check_gate(gate)
        if not isinstance(use_bias, bool):
            raise ValueError(f"Argument `use_bias` must be a boolean. Received: {use_bias!r}")
        if start is not None:
            bias_for(gate, start)
            if not use_bias:
                raise ValueError(
                    f"Argument `start` is the work of a bias. Expected use_bias=True. Received: "
                    f"start={start!r}, use_bias=False"
                )
        # Numbers of numpy become Python's, which a configuration in JSON can hold.
        self.reduction = ratio
        self.divisor = None if divisor is None else int(divisor)
        self.round_limit = float(round_limit)
        self.base_channels = None if base_channels is None else int(base_channels)
        self.start = None if start is None else float(start)
        self.squeeze = squeeze
        self.gate = gate
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def hidden_width(self, channels: int) -> int:
        """Width `h` between the two FC layers for `channels` input channels."""
        exact = (self.base_channels or channels) / self.reduction
        if self.divisor is None:
            return max(1, int(exact))
        nearest = max(self.divisor, int(exact + self.divisor / 2) // self.divisor * self.divisor)
        return nearest if nearest >= self.round_limit * exact else nearest + self.divisor

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights for inputs of shape `(N, H, W, C)`."""
        _, height, width, _ = input_shape
        channels = self._channels(input_shape)
        if self.squeeze == "conv":
            self._build_squeeze(height, width, channels, input_shape)
        self.reduce = self._fully_connected("reduce", self.hidden_width(channels), self.activation)
        self.expand = self._fully_connected("expand", channels, GATES[self.gate])
        if self.start is not None:
            bias = bias_for(self.gate, self.start)
            self.expand.bias_initializer = keras.initializers.Constant(bias)
        self.reduce.build((None, None, None, channels))
        self.expand.build((None, None, None, self.hidden_width(channels)))

    def _build_squeeze(self, height, width, channels, input_shape):
        if height is None or width is None:
            raise ValueError(
                "`squeeze='conv'` has one weight for every pixel and needs a fixed image size. "
                f"Received: input_shape={input_shape}. Give the model a full `input_shape`, or "
                "use `squeeze='avg'`."
            )
        self.pool = self.add_weight(
            name="squeeze_kernel",
            shape=(height, width, channels),
            initializer=keras.initializers.Constant(1 / (height * width)),
            dtype=self._gate_dtype,
            autocast=False,  # a half-precision policy must not round it
        )

    def _fully_connected(self, name, filters, activation):
        return FullyConnected(
            filters,
            activation=activation,
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer.clone(),
            **self._inside(name),
        )

    def start_as_identity(self) -> None:
        """Sets the kernel of `expand` to zero: the gates are `gate(b2)` for every image.

        With `gate="doubled_sigmoid"` and the bias of a new layer, 0, they are exactly 1. The kernel
        of `reduce` stays random, so that the kernel of `expand` has a gradient.
        """
        self.expand.kernel.assign(ops.zeros(self.expand.kernel.shape))

    def _excitation(self, squeezed, training):
        return self.expand(self.reduce(squeezed, training=training), training=training)

    def _is_lean(self, inputs):
        return self.squeeze == "avg" and super()._is_lean(inputs)

    def _squeeze(self, x, training):
        if self.squeeze == "avg":
            return super()._squeeze(x, training)
        if self.squeeze == "max":
            return ops.max(x, axis=(1, 2), keepdims=True)
        if self.squeeze == "conv":
            return ops.sum(x * self.pool, axis=(1, 2), keepdims=True)
        return x

    def computation(self) -> dict:
        """Those fields of the design that no shape of a weight shows."""
        activation = keras.activations.serialize(self.activation)
        return {"squeeze": self.squeeze, "gate": self.gate, "activation": activation}

    def get_config(self) -> dict:
        """All constructor arguments, for serialization."""
        return {
            **super().get_config(),
            "reduction": self.reduction,
            "divisor": self.divisor,
            "round_limit": self.round_limit,
            "base_channels": self.base_channels,
            "start": self.start,
            "squeeze": self.squeeze,
            "gate": self.gate,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


def check_reduction(reduction: float) -> float:
    """The reduction ratio as a number of Python's.

    Raises:
        ValueError: If it is no finite number above 0.
    """
    if (
        isinstance(reduction, bool)
        or not isinstance(reduction, numbers.Real)
        or not (reduction > 0 and math.isfinite(reduction))
    ):
        raise ValueError(
            f"Argument `reduction` must be a number greater than 0. Received: {reduction!r}"
        )
    return int(reduction) if isinstance(reduction, numbers.Integral) else float(reduction)
