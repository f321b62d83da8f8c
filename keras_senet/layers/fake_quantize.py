"""Fake quantization: floats rounded as int8 would hold them, with gradients that pass through."""

import keras
import numpy as np
from keras import ops

STEPS = 255  # between the 256 values of int8
LEAST_RANGE = 1e-6


@keras.saving.register_keras_serializable(package="keras_senet")
class FakeQuantize(keras.layers.Layer):
    """Rounds an activation to the 256 values that int8 holds of a range, in float32.

    The values are `scale * (q - zero_point)` of integers `q` in -128..127, with one scale for the
    whole tensor; zero is one of them. Where a value is in the range its gradient passes unchanged
    (the straight-through estimator); outside it is 0, and goes to the end of the range that
    clipped the value, which so is learned.

    A layer that is called several times gives all tensors the same range, as runtimes demand of
    those that are concatenated.

    Args:
        low: Least value to begin with; the range is widened to contain zero.
        high: Greatest value to begin with.
        **kwargs: `name` and `trainable`: whether the range is learned.

    Input shape: any; integers are taken for floats. Output shape: the same, float32.

    Reference:
        Jacob et al., https://arxiv.org/abs/1712.05877, section 3; Choi et al.,
        https://arxiv.org/abs/1805.06085, for the gradient of the range.

    Example:
        >>> FakeQuantize(0.0, 255.0)(keras.ops.array([-1.0, 0.4, 0.6, 300.0]))
        <tf.Tensor: ..., numpy=array([  0.,   0.,   1., 255.], dtype=float32)>
    """

    def __init__(self, low: float, high: float, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        if not (np.isfinite([low, high]).all() and low < high):
            raise ValueError(
                "Arguments `low` and `high` must be finite numbers, the first below the second. "
                f"Received: low={low}, high={high}"
            )
        self.initial = float(low), float(high)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the ends of the range."""
        for name, value in zip(("low", "high"), self.initial, strict=True):
            initializer = keras.initializers.Constant(value)
            setattr(self, name, self.add_weight(name=name, shape=(), initializer=initializer))

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """A tensor of any shape, rounded."""
        low = ops.minimum(self.low, 0.0)
        high = ops.maximum(ops.maximum(self.high, 0.0), low + LEAST_RANGE)
        x = ops.cast(inputs, "float32")
        return keras.quantizers.fake_quant_with_min_max_vars(x, low, high, num_bits=8)

    def code(self) -> tuple[float, int]:
        """Scale and zero point, in -128..127, of the integers that stand for the values."""
        low, high = (np.float32(ops.convert_to_numpy(end)) for end in (self.low, self.high))
        low = np.minimum(low, np.float32(0))
        high = np.maximum(np.maximum(high, np.float32(0)), low + np.float32(LEAST_RANGE))
        scale = (high - low) / np.float32(STEPS)
        # Half away from zero, as TensorFlow's kernel rounds.
        return float(scale), int(np.floor(-low / scale + np.float32(0.5))) - 128

    def get_config(self) -> dict:
        """All constructor arguments, for serialization; the range of now is among the weights."""
        low, high = self.initial
        return {**super().get_config(), "low": low, "high": high}


def quantized_kernel(kernel: keras.KerasTensor) -> keras.KerasTensor:
    """A kernel rounded as int8 would hold it, the outputs last, with a scale for each of them.

    The scale is `max |w| / 127`, and zero stands for zero.

    Args:
        kernel: `(..., filters)` in float32.
    """
    axes = tuple(range(len(kernel.shape) - 1))
    # The scale follows the kernel, and has no gradient of its own.
    largest = ops.stop_gradient(ops.maximum(ops.max(ops.abs(kernel), axis=axes), 1e-9))
    return keras.quantizers.fake_quant_with_min_max_vars(
        ops.convert_to_tensor(kernel), -largest, largest, num_bits=8, narrow_range=True, axis=-1
    )
