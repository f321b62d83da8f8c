"""What the layers share that rescale each channel of an image by a gate."""

import abc
from collections.abc import MutableMapping

import keras
from keras import ops

from keras_senet.layers import facts
from keras_senet.layers.data_format import check_setting
from keras_senet.layers.global_average import global_average
from keras_senet.layers.quick_build import QuickBuild


class ChannelAttention(QuickBuild, abc.ABC):
    """An image times gates that are computed from the whole image.

    Gates are computed in float32 under a half-precision policy, with weights in float32, and in
    float64 under a float64 policy; the scaling and the output have the policy's compute dtype.
    Integers are cast to it. On TensorFlow, training takes derivatives of any order, backward and
    forward.

    A kind of gate is a subclass, which has the squeeze (the average, if it does not say) and the
    excitation.

    Attributes:
        kind: What a message calls such a layer.
        parts: Names of the attributes that are layers with weights.
        gate: Name of the function that the gates come out of: a key of `gates.GATES`, or
            `"sum_of_sigmoids"`.

    Input shape: `(N, H, W, C)`, channels last; H and W may be `None`. Output shape: the same.

    Raises:
        ValueError: If the input is not of rank 4, or channels come first by Keras' setting.
    """

    kind = "a channel attention"
    parts: tuple[str, ...] = ()
    gate: str

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        check_setting()
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs: keras.KerasTensor, training: bool | None = None) -> keras.KerasTensor:
        """`(N, H, W, C)` to `(N, H, W, C)`."""
        if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(inputs.dtype)):
            inputs = ops.cast(inputs, self.compute_dtype)  # gates of integers would be 0
        if training and self._is_lean(inputs):
            return self._lean(inputs, training)
        return inputs * ops.cast(self.gates(inputs, training=training), inputs.dtype)

    def gates(self, inputs: keras.KerasTensor, training: bool | None = None) -> keras.KerasTensor:
        """The gates of images `(N, H, W, C)`: `(N, 1, 1, C)` in float32 (or float64, see above).

        Where every pixel has its own: `(N, H, W, C)`.
        """
        squeezed = self._squeeze(ops.cast(inputs, self._gate_dtype), training)
        return self._excitation(squeezed, training)

    @abc.abstractmethod
    def start_as_identity(self) -> None:
        """Sets weights to zero, so that the gates are the same for every image."""

    @abc.abstractmethod
    def computation(self) -> dict:
        """Those fields of the design that no shape of a weight shows."""

    @property
    def _gate_dtype(self):
        return "float64" if self.compute_dtype == "float64" else "float32"

    def _squeeze(self, x, training):
        """The mean over the pixels: at inference, which may run in half precision, in stages."""
        return ops.mean(x, axis=(1, 2), keepdims=True) if training else global_average(x)

    @abc.abstractmethod
    def _excitation(self, squeezed, training):
        """The gates of what is squeezed, both in the dtype of the gates."""

    def _is_lean(self, inputs):
        """Whether the image can be averaged and scaled in few passes, for training."""
        return (
            keras.backend.backend() == "tensorflow"
            and self._gate_dtype == "float32"
            and inputs.shape[2] is not None
        )

    def _lean(self, inputs, training):
        from keras_senet.layers import channel_scaling

        return channel_scaling.scale_by_excitation(
            inputs, lambda means: self._excitation(means, training)
        )

    def _channels(self, input_shape):
        """The channels of the input, which a layer must know to be built."""
        if input_shape[-1] is None:
            raise ValueError(
                f"The channels (last axis) of the input of a {type(self).__name__} layer must be "
                f"known. Received: input_shape={input_shape}"
            )
        return input_shape[-1]

    def _inside(self, name):
        """Arguments of every layer inside of this one."""
        # Freezing the block before it is built does not reach a layer that is made then.
        return {"dtype": self._gate_dtype, "trainable": self.trainable, "name": name}

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape of the input."""
        return input_shape

    def save_own_variables(self, store: MutableMapping) -> None:
        """Writes the weights, and those fields of the design that no shape shows."""
        super().save_own_variables(store)
        facts.write(store, {"computation": self.computation()})

    def load_own_variables(self, store: MutableMapping) -> None:
        """Reads the weights.

        Raises:
            ValueError: If the file says that its block has another design.
        """
        facts.check(store, self.computation(), f"{self.kind} {self.name!r}")
        super().load_own_variables(store)


class FullyConnected(QuickBuild, keras.layers.Conv2D):
    """A fully connected layer over the channels, as a 1x1 convolution.

    The convolution keeps rank 4, so that every mobile runtime takes the block whole. While
    training on a single pixel it is computed as a matrix product, whose gradient is several times
    faster than that of a convolution.

    Args:
        filters: Channels out.
        **kwargs: As those of `keras.layers.Conv2D`.
    """

    def __init__(self, filters: int, **kwargs):
        super().__init__(filters, 1, data_format="channels_last", **kwargs)

    def call(self, inputs: keras.KerasTensor, training: bool | None = None) -> keras.KerasTensor:
        """`(N, H, W, C)` to `(N, H, W, filters)`."""
        if not training or inputs.shape[1:3] != (1, 1):
            return super().call(inputs)
        channels = inputs.shape[-1]
        # Reshaped and not indexed: the gradient of indexing writes a tensor of zeros first.
        matrix = ops.reshape(self.kernel, (channels, self.filters))
        outputs = ops.matmul(ops.reshape(inputs, (-1, channels)), matrix)
        if self.use_bias:
            outputs = outputs + self.bias
        return self.activation(ops.reshape(outputs, (-1, 1, 1, self.filters)))
