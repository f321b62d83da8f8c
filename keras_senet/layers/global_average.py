"""Global average pooling in stages, which half precision can sum."""

import contextlib
import contextvars
import math
import typing
from collections.abc import Iterator

import keras
from keras import ops

LONGEST_SUM = 64  # values, where the size of the image allows it
WIDEST_WINDOW = 8  # pixels
_windows = contextvars.ContextVar("windows", default=True)


@contextlib.contextmanager
def rows_and_columns() -> Iterator[None]:
    """Within, `global_average` averages rows and columns only.

    XNNPACK has no average of windows in int8.
    """
    token = _windows.set(False)
    try:
        yield
    finally:
        _windows.reset(token)


def global_average(x: keras.KerasTensor, keepdims: bool = True) -> keras.KerasTensor:
    """The mean over the pixels of `(N, H, W, C)`, each sum of few values.

    Delegates of phones sum in half precision, which ends at 65504 and has 11 bits: the sum of
    56x56 activations of 21 is too large for it, and of 112x112 small ones half are lost. So windows
    are averaged first, then rows, then columns. XNNPACK takes no longer for it.

    Args:
        x: Tensor `(N, H, W, C)`; of an H or W that is unknown rows and columns are the stages.
        keepdims: Whether the result is `(N, 1, 1, C)` or `(N, C)`.
    """
    *_, (_, mean) = stages(x, keepdims)
    return mean


def stages(
    x: keras.KerasTensor, keepdims: bool = True
) -> Iterator[tuple[typing.Any, keras.KerasTensor]]:
    """The stages of `global_average`: how many values one sums, and the averages after it.

    The number is `None` where H or W is unknown.
    """
    _, height, width, _ = x.shape
    if height is not None and width is not None:
        window = _window(height, width)
        if window > 1:
            # Keras' default of the strides fails on JAX.
            x = ops.average_pool(x, window, strides=window, data_format="channels_last")
            height, width = height // window, width // window
            yield window**2, x
        if height * width <= LONGEST_SUM:
            yield height * width, ops.mean(x, axis=(1, 2), keepdims=keepdims)
            return
    columns = ops.mean(x, axis=2, keepdims=keepdims)
    yield width, columns
    yield height, ops.mean(columns, axis=1, keepdims=keepdims)


def _window(height, width):
    """Side of the windows that are averaged first, 1 for none."""
    if height * width <= LONGEST_SUM or not _windows.get():
        return 1
    common = math.gcd(height, width)
    return next(side for side in range(WIDEST_WINDOW, 0, -1) if common % side == 0)


@keras.saving.register_keras_serializable(package="keras_senet")
class GlobalAveragePooling2D(keras.layers.GlobalAveragePooling2D):
    """Keras' layer with sums of few values, for exported networks; see `global_average`.

    Args:
        **kwargs: As those of `keras.layers.GlobalAveragePooling2D`, but channels are last.

    Input shape: `(N, H, W, C)`. Output shape: `(N, C)`, with `keepdims` `(N, 1, 1, C)`.

    Example:
        >>> GlobalAveragePooling2D(keepdims=True)(keras.ops.ones((2, 56, 56, 8))).shape
        TensorShape([2, 1, 1, 8])
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        if self.data_format != "channels_last":
            raise ValueError(
                f"Argument `data_format` must be 'channels_last'. Received: {self.data_format!r}"
            )

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """`(N, H, W, C)` to `(N, C)` or `(N, 1, 1, C)`."""
        return global_average(inputs, self.keepdims)
