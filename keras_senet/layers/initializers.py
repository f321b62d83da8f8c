"""Initial kernels, drawn by NumPy: as fast on every backend, and the same numbers on all."""

import math
import typing
from concurrent import futures

import keras
import numpy as np

from keras_senet.layers import tensor_memory

# The standard deviation of a standard normal distribution cut at -2 and 2, by which Keras divides.
CUT = 2.0
DEVIATION_OF_CUT = 0.87962566103423978
SEEDS = 1 << 64
BLOCK = 1 << 18  # numbers of one thread, which take longer than its start


@keras.saving.register_keras_serializable(package="keras_senet")
class HeNormal(keras.initializers.HeNormal):
    """Normal numbers of variance `2 / fan_in` (in float32), redrawn beyond two deviations.

    The distribution is that of `keras.initializers.HeNormal`, the numbers are not. Keras draws them
    with the backend: slowly on TensorFlow, 36 ns each, and on JAX it compiles a program for each
    new shape. The same seed gives the same numbers on all backends.

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
        """
        if not isinstance(self.seed, int):  # a generator of the backend's seeds
            return super().__call__(shape, dtype)
        # A seed of Keras' may be negative.
        values = _normal(math.prod(shape), self.seed % SEEDS, cut=CUT)
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
        """Values of any shape."""
        if not isinstance(self.seed, int):  # a generator of the backend's seeds
            return super().__call__(shape, dtype)
        values = _normal(math.prod(shape), self.seed % SEEDS)
        values *= np.float32(self.stddev)
        return tensor_memory.as_tensor(values.reshape(shape), dtype)


def _normal(count, seed, cut=math.inf):
    """So many standard normal numbers within `cut`, large arrays drawn in several threads.

    Each block of an array has its own part of the seed's stream, however many threads there are.
    """
    values, stream = tensor_memory.empty(count), np.random.PCG64(seed)

    def fill(index):
        rng = np.random.Generator(stream.jumped(index))
        block = values[index * BLOCK : (index + 1) * BLOCK]
        rng.standard_normal(out=block, dtype="float32")
        (beyond,) = np.nonzero(np.abs(block) > cut)
        while beyond.size:
            block[beyond] = rng.standard_normal(beyond.size, "float32")
            beyond = beyond[np.abs(block[beyond]) > cut]

    blocks = range(math.ceil(count / BLOCK))
    if len(blocks) > 1:
        with futures.ThreadPoolExecutor() as pool:
            list(pool.map(fill, blocks))
    else:
        fill(0)
    return values
