"""The channel shuffle of ShuffleNet."""

import numbers

import keras
from keras import ops

from keras_senet.layers.data_format import check_setting


@keras.saving.register_keras_serializable(package="keras_senet")
class ChannelShuffle(keras.layers.Layer):
    """Deals the channels of each group out over all groups.

    Channel `i` of group `j` becomes channel `i * groups + j`: the `(groups, C / groups)` matrix of
    channels is transposed. No tensor has more than four dimensions, which every mobile delegate
    takes (they refuse five).

    Args:
        groups: Number of groups, which divides the number of channels.
        **kwargs: `name`, `dtype` and `trainable`, as for every Keras layer.

    Input shape: `(N, H, W, C)`, channels last; H and W may be `None`. Output shape: the same.

    Raises:
        ValueError: If `groups` is no integer above 0 or does not divide the channels, the input is
            not of rank 4, or channels come first by Keras' setting.

    Reference:
        Zhang et al., https://arxiv.org/abs/1707.01083, section 3.1.

    Example:
        >>> image = np.arange(4).reshape(1, 1, 1, 4)
        >>> keras.ops.convert_to_numpy(ChannelShuffle(2)(image)).ravel()
        array([0, 2, 1, 3])
    """

    def __init__(self, groups: int, **kwargs):
        super().__init__(**kwargs)
        check_setting()
        if isinstance(groups, bool) or not isinstance(groups, numbers.Integral) or groups < 1:
            raise ValueError(f"Argument `groups` must be an integer above 0. Received: {groups!r}")
        self.groups = int(groups)  # of numpy's integers too, which JSON cannot hold
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Checks that the groups divide the channels."""
        channels = input_shape[-1]
        if channels is None or channels % self.groups:
            raise ValueError(
                f"The channels (last axis) must be a multiple of groups={self.groups}. Received: "
                f"input_shape={input_shape}"
            )

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """`(N, H, W, C)` to `(N, H, W, C)`."""
        _, height, width, channels = inputs.shape
        batch, *size, _ = ops.shape(inputs)
        # One size of a reshape may stay open: the batch, whose size a mobile runtime fixes.
        shape = (batch, -1) if None in (height, width) else (-1, height * width)
        x = ops.reshape(inputs, (*shape, self.groups, channels // self.groups))
        x = ops.transpose(x, (0, 1, 3, 2))
        return ops.reshape(x, (-1, *size, channels))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape of the input."""
        return input_shape

    def compute_output_spec(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Shape and dtype of the input: integers stay integers."""
        return keras.KerasTensor(inputs.shape, dtype=inputs.dtype)

    def get_config(self) -> dict:
        """All constructor arguments, for serialization."""
        return {**super().get_config(), "groups": self.groups}
