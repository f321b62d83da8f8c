"""Effective Squeeze-and-Excitation (eSE): one fully connected layer that keeps all channels."""

import keras
from keras import ops

from keras_senet.layers.channel_attention import ChannelAttention, FullyConnected
from keras_senet.layers.gates import GATES, check_gate


@keras.saving.register_keras_serializable(package="keras_senet")
class EffectiveSE(ChannelAttention):
    """Rescales every channel by a gate of all means, without a narrow layer between.

    With `U` the input of shape `(N, H, W, C)`,

        z = mean over H, W of U
        s = gate(W z + b)
        output = s * U

    with `W: C -> C` the fully connected layer `fc`. Dtypes are those of `ChannelAttention`.

    Args:
        gate: `"hard_sigmoid"` (the authors' code), `"sigmoid"`, `"tanh"`, `"relu"` or
            `"doubled_sigmoid"`.
        kernel_initializer: Initializer of the kernel.
        **kwargs: `name`, `dtype` and `trainable`, as for every Keras layer.

    Input shape: `(N, H, W, C)`, channels last; H and W may be `None`. Output shape: the same.

    Raises:
        ValueError: If an argument is none of these, or the input is not of rank 4.

    Reference:
        Lee and Park, https://arxiv.org/abs/1911.06667 (CenterMask), on VoVNetV2.

    Example:
        >>> layer = EffectiveSE()
        >>> layer(keras.ops.ones((2, 7, 7, 256))).shape
        TensorShape([2, 7, 7, 256])
    """

    kind = "an eSE block"
    parts = ("fc",)

    def __init__(
        self,
        gate: str = "hard_sigmoid",
        kernel_initializer: str | keras.Initializer = "he_normal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_gate(gate)
        self.gate = gate
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights for inputs of shape `(N, H, W, C)`."""
        channels = self._channels(input_shape)
        self.fc = FullyConnected(
            channels,
            activation=GATES[self.gate],
            kernel_initializer=self.kernel_initializer.clone(),
            **self._inside("fc"),
        )
        self.fc.build((None, None, None, channels))

    def _excitation(self, squeezed, training):
        return self.fc(squeezed, training=training)

    def start_as_identity(self) -> None:
        """Sets the kernel to zero: the gates are `gate(b)` for every image.

        With `gate="doubled_sigmoid"` and the bias of a new layer, 0, they are exactly 1.
        """
        self.fc.kernel.assign(ops.zeros(self.fc.kernel.shape))

    def computation(self) -> dict:
        """Those fields of the design that no shape of a weight shows."""
        return {"gate": self.gate}

    def get_config(self) -> dict:
        """All constructor arguments, for serialization."""
        return {
            **super().get_config(),
            "gate": self.gate,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
