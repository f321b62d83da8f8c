"""Concurrent spatial and channel Squeeze-and-Excitation (scSE)."""

import keras
from keras import ops

from keras_senet.layers.channel_attention import ChannelAttention, FullyConnected
from keras_senet.layers.squeeze_excitation import check_reduction

COMBINATIONS = ("add", "max")


@keras.saving.register_keras_serializable(package="keras_senet")
class SpatialChannelSE(ChannelAttention):
    """Rescales an image by a gate for each channel and by one for each pixel, beside each other.

    With `U` the input of shape `(N, H, W, C)` and `h = max(1, floor(C / r))`,

        s = sigmoid(W2 relu(W1 mean of U + b1) + b2)      for each channel (cSE, an SE block)
        q = sigmoid(v U + b3)                             for each pixel (sSE)
        output = s * U + q * U                            or the greater of both (max)

    with `W1: C -> h` and `W2: h -> C` the layers `reduce` and `expand` and `v: C -> 1` the 1x1
    convolution `spatial`. The gate of a channel of a pixel is `s + q`, in 0..2, or their maximum.
    Dtypes are those of `ChannelAttention`.

    Args:
        reduction: Reduction ratio r. 2 in the paper; 16 as in SE and common implementations.
        combination: `"add"` (the paper), or `"max"` (its sequel, "max-out").
        kernel_initializer: Initializer of the three kernels.
        **kwargs: `name`, `dtype` and `trainable`, as for every Keras layer.

    Input shape: `(N, H, W, C)`, channels last; H and W may be `None`. Output shape: the same.

    Raises:
        ValueError: If an argument is none of these, or the input is not of rank 4.

    Reference:
        Roy et al., https://arxiv.org/abs/1803.02579, and
        https://arxiv.org/abs/1808.08127 (max).

    Example:
        >>> layer = SpatialChannelSE(reduction=2)
        >>> layer(keras.ops.ones((2, 7, 7, 256))).shape
        TensorShape([2, 7, 7, 256])
    """

    kind = "an scSE block"
    parts = ("reduce", "expand", "spatial")

    def __init__(
        self,
        reduction: float = 16,
        combination: str = "add",
        kernel_initializer: str | keras.Initializer = "he_normal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.reduction = check_reduction(reduction)
        if combination not in COMBINATIONS:
            raise ValueError(
                f"Argument `combination` must be one of {COMBINATIONS}. Received: {combination!r}"
            )
        self.combination = combination
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    @property
    def gate(self) -> str:
        """`"sum_of_sigmoids"` in 0..2, or `"sigmoid"` where the maximum is taken."""
        return "sum_of_sigmoids" if self.combination == "add" else "sigmoid"

    def hidden_width(self, channels: int) -> int:
        """Width `h` between the two FC layers for `channels` input channels."""
        return max(1, int(channels / self.reduction))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights for inputs of shape `(N, H, W, C)`."""
        channels = self._channels(input_shape)
        hidden = self.hidden_width(channels)
        self.reduce = self._fully_connected("reduce", hidden, "relu")
        self.expand = self._fully_connected("expand", channels, "sigmoid")
        self.spatial = self._fully_connected("spatial", 1, "sigmoid")
        self.reduce.build((None, None, None, channels))
        self.expand.build((None, None, None, hidden))
        self.spatial.build((None, None, None, channels))

    def _fully_connected(self, name, filters, activation):
        return FullyConnected(
            filters,
            activation=activation,
            kernel_initializer=self.kernel_initializer.clone(),
            **self._inside(name),
        )

    def gates(self, inputs: keras.KerasTensor, training: bool | None = None) -> keras.KerasTensor:
        """The gates of images `(N, H, W, C)`: `(N, H, W, C)`, in float32 or float64."""
        x = ops.cast(inputs, self._gate_dtype)
        channels, pixels = self._excitation(self._squeeze(x, training), training), self.spatial(x)
        if self.combination == "add":
            return channels + pixels
        # The maximum, which mobile runtimes have no int8 kernel for.
        return channels + ops.relu(pixels - channels)

    def _excitation(self, squeezed, training):
        return self.expand(self.reduce(squeezed, training=training), training=training)

    def _is_lean(self, inputs):
        return self.combination == "add" and super()._is_lean(inputs)

    def _lean(self, inputs, training):
        pixels = self.spatial(ops.cast(inputs, self._gate_dtype))
        return super()._lean(inputs, training) + inputs * ops.cast(pixels, inputs.dtype)

    def start_as_identity(self) -> None:
        """Sets the kernels of `expand` and `spatial` to zero: the gates are the same everywhere.

        With `combination="add"` and the biases of a new layer, 0, they are exactly 1/2 + 1/2.
        """
        for layer in (self.expand, self.spatial):
            layer.kernel.assign(ops.zeros(layer.kernel.shape))

    def computation(self) -> dict:
        """Those fields of the design that no shape of a weight shows."""
        return {"combination": self.combination}

    def get_config(self) -> dict:
        """All constructor arguments, for serialization."""
        return {
            **super().get_config(),
            "reduction": self.reduction,
            "combination": self.combination,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
