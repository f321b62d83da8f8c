"""Images to calibrate with or to verify on, from any container to one checked array."""

import warnings
from collections.abc import Iterable, Mapping

import numpy as np

from keras_senet.data import Dataset
from keras_senet.data.checks import is_endless
from keras_senet.export.contract import UNKNOWN
from keras_senet.export.datasets import training_images
from keras_senet.surgery.image_range import SCALED, check_finite, doubt, misfit

# Most images that calibration takes from a data set or a generator.
CALIBRATION_LIMIT = 512
# Calibration warns of fewer: they say little of the ranges of activations.
FEW_IMAGES = 10
MOST_IMAGES = 100_000  # of a generator, which may have no end


def calibration_images(images, shape, known, name="calibration_images"):
    """Images to calibrate with, `(N, H, W, C)`; warns of too few. See `examples`.

    From a data set or generator the first 512 images are taken.
    """
    if isinstance(images, Dataset):
        images = training_images(images, CALIBRATION_LIMIT)
    images, labels = examples(images, shape, known, name, limit=CALIBRATION_LIMIT)
    if labels is not None and labels.ndim == 2:
        labels = labels.argmax(1)
    if labels is not None and len(images) == CALIBRATION_LIMIT and (np.diff(labels) >= 0).all():
        warnings.warn(
            f"The first {CALIBRATION_LIMIT} images to calibrate with come in the order of their "
            f"classes, {labels[0]} to {labels[-1]}, and those after them are not taken. Shuffle "
            "them.",
            stacklevel=3,
        )
    if len(images) < FEW_IMAGES:
        warnings.warn(
            f"{len(images)} image(s) to calibrate with are too few to learn the ranges of "
            "activations from. Pass a hundred or more, like those that the file will see.",
            stacklevel=3,
        )
    return images


def examples(images, shape, known=UNKNOWN, name="images", limit=None):
    """Images as one array, and the labels that came with them.

    Args:
        images: `(N, H, W, C)`: an array; a list, generator, `tf.data.Dataset` or
            `keras.utils.PyDataset` of images or batches, alone or as `(images, labels)`; or the
            held-out images of a `keras_senet.data.Dataset`.
        shape: `(H, W, C)` that they must have, `None` where any will do.
        known: The `Contract` of the model.
        name: The argument's name, for messages.
        limit: Most images to take from what delivers them one after the other.

    Returns:
        Images `(N, H, W, C)`, and labels `(N,)` or `(N, K)` of 0 and 1 if all came with them, else
        `None`.

    Raises:
        ValueError: If they are not such images, are not finite, or are certainly not in the
            range that the model takes.
    """
    images, labels = _collected(images, shape, name, limit)
    images = _numbers(images, shape, name)
    check_finite(images, f"Argument `{name}`")
    _check_range(images, known, name)
    return images, labels


def _expected(shape, name):
    sizes = ", ".join(map(str, shape))
    return f"Argument `{name}` must be at least one image, (N, {sizes}), in the range that the "


def _refusal(shape, name, received, remedy=""):
    return ValueError(f"{_expected(shape, name)}model takes. Received: {received}.{remedy}")


def _collected(images, shape, name, limit):
    if isinstance(images, Dataset):
        return images.held_out_arrays(limit)
    if isinstance(images, tuple) and list(map(np.ndim, images)) == [4, 1]:
        images = [images]  # (images, labels)
    elif isinstance(images, (list, tuple)):
        images = _stacked(images)
    if hasattr(images, "__array__") or hasattr(images, "__array_interface__"):
        return np.asarray(images), None
    if images is None or isinstance(images, (str, bytes, Mapping)):
        received = "None" if images is None else repr(images)[:80]
        raise _refusal(shape, name, received, " Pass the images themselves.")
    if not isinstance(images, Iterable):
        raise _refusal(shape, name, f"{type(images).__name__}")
    if limit is None and is_endless(images):
        raise _refusal(shape, name, "a data set without end", " Pass dataset.take(n).")
    return _drawn(images, shape, name, limit)


def _stacked(images):
    """A list as an array, or as an iterator where its elements differ in shape."""
    try:
        array = np.asarray(images)
    except ValueError:  # of several sizes, or with labels
        return iter(images)
    return array if array.dtype != object else iter(images)


def _drawn(stream, shape, name, limit):
    """The first images of a stream of images or batches, and their labels."""
    batches, targets, count = [], [], 0
    for element in stream:
        batch, target = _parts(element)
        batch = np.asarray(batch)
        batch = batch[None] if batch.ndim == 3 else batch
        if batch.ndim != 4 or (batches and batch.shape[1:] != batches[0].shape[1:]):
            first = f" after {batches[0].shape[1:]}" if batches else ""
            remedy = " All images must have one size." if batches else ""
            raise _refusal(shape, name, f"an element of shape {batch.shape}{first}", remedy)
        batches.append(batch)
        targets.append(_labels(target, len(batch)))
        count += len(batch)
        if limit is not None and count >= limit:
            break
        if count > MOST_IMAGES:
            raise _refusal(shape, name, f"more than {MOST_IMAGES} images", " Pass fewer.")
    if not batches:
        raise _refusal(shape, name, "no image: the data set or generator is empty or used up")
    labels = None if any(part is None for part in targets) else np.concatenate(targets)[:limit]
    return np.concatenate(batches)[:limit], labels


def _parts(element):
    """Images and labels of what a data set delivers: alone, a tuple, or a dictionary."""
    if isinstance(element, Mapping):
        keys = [key for key in ("image", "images") if key in element] or list(element)[:1]
        return element[keys[0]], element.get("label", element.get("labels"))
    pair = isinstance(element, tuple) or (
        isinstance(element, list) and all(hasattr(part, "__array__") for part in element)
    )
    if not pair:
        return element, None
    return element[0], element[1] if len(element) > 1 else None


def _labels(target, count):
    """Labels `(N,)`, or `(N, K)` of 0 and 1, as whole numbers; `None` of anything else."""
    if target is None:
        return None
    labels = np.atleast_1d(np.asarray(target))
    if labels.dtype.kind not in "iufb" or labels.shape[0] != count or (labels % 1 != 0).any():
        return None
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    is_hot = labels.ndim == 2 and np.isin(labels, (0, 1)).all()
    return labels.astype("int64") if labels.ndim == 1 or is_hot else None


def _numbers(images, shape, name):
    """The images if they are numbers of the expected shape."""
    if images.dtype.kind not in "iuf":
        try:
            if images.dtype.kind != "V":  # bfloat16 and others of ml_dtypes
                raise TypeError
            images = images.astype("float32")
        except TypeError:
            remedy = " Load files with keras_senet.load_image." if images.dtype.kind in "US" else ""
            raise _refusal(shape, name, f"an array of {images.dtype}", remedy) from None
    fits = images.ndim == 4 and len(images) > 0
    if not fits or any(a not in (None, b) for a, b in zip(shape, images.shape[1:], strict=True)):
        raise _refusal(shape, name, f"shape {images.shape}", _shape_remedy(images, shape))
    return images


def _shape_remedy(images, shape):
    channels = shape[-1]
    if images.ndim == 3 and None not in shape and images.shape == tuple(shape):
        return " Pass images[None] for a single one."
    if images.ndim == 4 and images.shape[-1] != channels:
        if images.shape[1] == channels:
            return " Channels come last: np.moveaxis(images, 1, -1)."
        if images.shape[-1] == 1:
            return f" Grey images: np.repeat(images, {channels}, -1)."
    return ""


def _check_range(images, known, name):
    extent = known.input_range
    if extent is not None and (sentence := misfit(images, extent)):
        raise ValueError(f"Argument `{name}` {sentence}")
    if sentence := doubt(images, SCALED if known.scales else extent):
        warnings.warn(f"Argument `{name}` {sentence}", stacklevel=4)
