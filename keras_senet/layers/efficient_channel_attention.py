"""Efficient channel attention (ECA): gates from neighbouring channels."""

import math
import numbers

import keras
from keras import ops

from keras_senet.layers.channel_attention import ChannelAttention
from keras_senet.layers.gates import GATES, check_gate


@keras.saving.register_keras_serializable(package="keras_senet")
class EfficientChannelAttention(ChannelAttention):
    """Rescales every channel by a gate of its own mean and those of the channels beside it.

    With `U` the input of shape `(N, H, W, C)`,

        z = mean over H, W of U
        s_c = gate(sum over j of w_j z_(c + j)),  j = -(k - 1) / 2 .. (k - 1) / 2
        output = s * U

    with one kernel `w` of k weights, without bias, for all channels: means beyond the first and
    the last channel are 0. `kernel_size=None` takes k from the channels: the odd number at or
    above the integer part of `(log2(C) + 1) / 2`, at least 3, as timm and the authors' code have it
    (equation 12 with gamma 2 and b 1). Dtypes are those of `ChannelAttention`.

    Args:
        kernel_size: Channels k that a gate depends on, an odd number, or `None`.
        gate: `"sigmoid"` (the paper), `"tanh"`, `"relu"`, `"hard_sigmoid"` or `"doubled_sigmoid"`.
        kernel_initializer: Initializer of the kernel.
        **kwargs: `name`, `dtype` and `trainable`, as for every Keras layer.

    Input shape: `(N, H, W, C)`, channels last; H and W may be `None`. Output shape: the same.

    Raises:
        ValueError: If an argument is none of these, or the input is not of rank 4.

    Reference:
        Wang et al., https://arxiv.org/abs/1910.03151, section 3.2.

    Example:
        >>> layer = EfficientChannelAttention()
        >>> layer(keras.ops.ones((2, 7, 7, 256))).shape
        TensorShape([2, 7, 7, 256])
        >>> layer.count_params()
        5
    """

    kind = "an ECA block"
    parts = ("conv",)

    def __init__(
        self,
        kernel_size: int | None = None,
        gate: str = "sigmoid",
        kernel_initializer: str | keras.Initializer = "he_normal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if kernel_size is not None and (
            isinstance(kernel_size, bool)
            or not isinstance(kernel_size, numbers.Integral)
            or kernel_size < 1
            or kernel_size % 2 == 0
        ):
            raise ValueError(
                "Argument `kernel_size` must be None or an odd integer of at least 1. Received: "
                f"{kernel_size!r}"
            )
        check_gate(gate)
        self.kernel_size = None if kernel_size is None else int(kernel_size)
        self.gate = gate
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def kernel_width(self, channels: int) -> int:
        """The number k of weights for `channels` input channels."""
        if self.kernel_size is not None:
            return self.kernel_size
        width = int((math.log2(channels) + 1) / 2)
        return max(3, width + 1 - width % 2)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the kernel for inputs of shape `(N, H, W, C)`."""
        channels = self._channels(input_shape)
        self.conv = keras.layers.Conv1D(
            1,
            self.kernel_width(channels),
            padding="same",
            activation=GATES[self.gate],
            use_bias=False,
            kernel_initializer=self.kernel_initializer.clone(),
            data_format="channels_last",
            **self._inside("conv"),
        )
        self.conv.build((None, channels, 1))

    def _excitation(self, squeezed, training):
        channels = squeezed.shape[-1]
        gates = self.conv(ops.reshape(squeezed, (-1, channels, 1)))
        return ops.reshape(gates, (-1, 1, 1, channels))

    def start_as_identity(self) -> None:
        """Sets the kernel to zero: the gates are `gate(0)` for every image.

        With `gate="doubled_sigmoid"` they are exactly 1.
        """
        self.conv.kernel.assign(ops.zeros(self.conv.kernel.shape))

    def computation(self) -> dict:
        """Those fields of the design that no shape of a weight shows."""
        return {"gate": self.gate}

    def get_config(self) -> dict:
        """All constructor arguments, for serialization."""
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "gate": self.gate,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
