"""Arrays that a backend takes over as they are."""

import typing

import keras
import numpy as np

ALIGNMENT = 64  # bytes, of the widest instructions


def empty(count: int) -> np.ndarray:
    """So many float32 numbers, not set, where any instruction of a processor may read them."""
    memory = np.empty(count * 4 + ALIGNMENT, "uint8")
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + count * 4].view("float32")


def as_tensor(values: np.ndarray, dtype: str | None = None) -> typing.Any:
    """A tensor of an array of `empty`'s, which nobody else may use any more.

    Args:
        values: The array, in any shape.
        dtype: That of the tensor; `None` for Keras' `floatx`.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # TensorFlow copies an array twice, which takes a fifth of the time to build a large
        # network, and a constant takes it longer than its array. Memory that comes by DLPack it
        # takes over.
        values = tf.experimental.dlpack.from_dlpack(values.__dlpack__())
    return keras.ops.convert_to_tensor(values, dtype or keras.config.floatx())
