"""Initial kernels, drawn by NumPy: as fast on every backend, and the same numbers on all."""

import functools
import math
import typing

import keras
import numpy as np

from keras_senet.layers import tensor_memory

# The standard deviation of a standard normal distribution cut at -2 and 2, by which Keras divides.
CUT = 2.0
DEVIATION_OF_CUT = 0.87962566103423978
LEVELS = 1 << 16
SEEDS = 1 << 64  # Keras' may be negative.


@keras.saving.register_keras_serializable(package="keras_senet")
class HeNormal(keras.initializers.HeNormal):
    """Normal numbers of variance `2 / fan_in` (in float32), none beyond two deviations.

    The distribution is that of `keras.initializers.HeNormal` in 65,536 levels, its quantiles, each
    drawn by 16 random bits. Keras draws with the backend: on TensorFlow in some six times as long,
    and on JAX it compiles a program for each new shape. The same seed gives the same numbers on all
    backends.

    Args:
        seed: An integer, or `None` for one that `keras.utils.set_random_seed` determines.

    Reference:
        He et al., https://arxiv.org/abs/1502.01852, equation 10.

    Example:
        >>> kernel = HeNormal(seed=0)((3, 3, 16, 32))
        >>> round(float(keras.ops.std(kernel)), 2), round(math.sqrt(2 / (3 * 3 * 16)), 2)
        (0.12, 0.12)
    """

    def __init__(self, seed: int | None = None):
        super().__init__(seed=seed)

    def get_config(self) -> dict:
        """The seed; the axes of Keras' initializer are always those of a convolution here."""
        return {"seed": super().get_config()["seed"]}

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> typing.Any:
        """Values of a kernel `(..., inputs, outputs)`; all axes but the last are its inputs.

        Of a vector the one axis is, as in Keras.

        Raises:
            ValueError: If `dtype` is no floating-point one.
        """
        _check_float(dtype)
        if not isinstance(self.seed, int):  # a generator of the backend's seeds
            return super().__call__(shape, dtype)
        count = math.prod(shape)
        levels = np.random.PCG64(self.seed % SEEDS).random_raw(math.ceil(count / 4))
        levels = levels.astype("<u8", copy=False).view("<u2")[:count]
        values = tensor_memory.empty(count)
        # No level is outside of the table; "clip" spares the check of each.
        np.take(_quantiles(), levels, out=values, mode="clip")
        fan_in = math.prod(shape[:-1] if len(shape) > 1 else shape)
        values *= np.float32(math.sqrt(2 / max(1, fan_in)) / DEVIATION_OF_CUT)
        return tensor_memory.as_tensor(values.reshape(shape), dtype)


@keras.saving.register_keras_serializable(package="keras_senet")
class Normal(keras.initializers.RandomNormal):
    """Normal numbers, those of `keras.initializers.RandomNormal` drawn by NumPy.

    Args:
        stddev: Their deviation.
        seed: As of `HeNormal`.

    Example:
        >>> round(float(keras.ops.std(Normal(0.5, seed=0)((3, 3, 16, 32)))), 1)
        0.5
    """

    def __init__(self, stddev: float, seed: int | None = None):
        super().__init__(stddev=stddev, seed=seed)

    def get_config(self) -> dict:
        """Deviation and seed; the mean is 0."""
        return {"stddev": self.stddev, "seed": super().get_config()["seed"]}

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> typing.Any:
        """Values of any shape.

        Raises:
            ValueError: If `dtype` is no floating-point one.
        """
        _check_float(dtype)
        if not isinstance(self.seed, int):  # a generator of the backend's seeds
            return super().__call__(shape, dtype)
        values = tensor_memory.empty(math.prod(shape))
        np.random.default_rng(self.seed % SEEDS).standard_normal(out=values, dtype="float32")
        values *= np.float32(self.stddev)
        return tensor_memory.as_tensor(values.reshape(shape), dtype)


def _check_float(dtype):
    if dtype is not None and not keras.backend.is_float_dtype(dtype):
        raise ValueError(f"Random numbers are floating-point ones. Received: dtype={dtype!r}")


@functools.cache
def _quantiles():
    """The `LEVELS` quantiles of the cut normal distribution in the middles of equal shares."""
    x = np.linspace(-CUT, CUT, LEVELS + 1)
    density = np.exp(-(x**2) / 2)
    share = np.concatenate([[0], np.cumsum(density[1:] + density[:-1])])  # the trapezoidal rule
    middles = (np.arange(LEVELS) + 0.5) / LEVELS
    return np.interp(middles, share / share[-1], x).astype("float32")
