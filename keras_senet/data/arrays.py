"""Lists, tensors and Pillow images to NumPy arrays, without what NumPy would silently change."""

import sys

import numpy as np

from keras_senet.data.decode import as_rgb


def as_array(values, what):
    """The values as a NumPy array that says the same; a ValueError that calls them `what`."""
    plain = _plain(values, what)
    try:
        array = np.asarray(plain)
    except (TypeError, RuntimeError) as error:
        raise ValueError(f"Expected {what} in one array. Received: {error!s:.200}") from error
    except ValueError as error:
        remedy = " Resize them, or give paths of files." if what == "images" else ""
        raise ValueError(
            f"Expected {what} in one array, so of one shape. Received: {type(values).__name__}."
            f"{remedy}"
        ) from error
    is_small_float = array.dtype.kind == "V" and array.dtype.type is not np.void  # bfloat16, ...
    return array.astype("float32") if is_small_float else array


def _plain(values, what):
    """The same values without what NumPy drops (masks, colour modes) or cannot take (gradients)."""
    if getattr(getattr(values, "dtype", None), "kind", "") == "O":  # NumPy's or pandas'
        values = values.tolist()
    if isinstance(values, (list, tuple)):
        if set(map(type, values)) <= {int, float, bool, str, bytes}:
            return values
        return [_plain(one, what) for one in values]
    if hasattr(values, "detach"):  # PyTorch's
        values = values.detach().cpu()
        return values.float() if "bfloat16" in str(values.dtype) else values
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(
            f"Expected {what} without a mask. Received: a masked array, some of it masked. Leave "
            "out what is masked, or fill it: x.filled(...)"
        )
    if isinstance(values, getattr(sys.modules.get("PIL.Image"), "Image", ())):
        return _pixels_of(values)
    return values


def _pixels_of(image):
    try:
        return as_rgb(image)
    except Exception as error:  # of any type, as from files
        raise ValueError(
            f"Expected images that Pillow converts to RGB. Received: one of mode {image.mode!r} "
            f"and size {image.size}: {error}"
        ) from error
