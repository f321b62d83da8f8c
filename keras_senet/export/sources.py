"""The images that a command line names: a data set, or arrays in a file."""

import warnings
import zipfile

import keras
import numpy as np

from keras_senet import data
from keras_senet.data.subset import evenly_spaced
from keras_senet.export.datasets import held_out, training_images


def load_calibration(
    source: str, *, model: keras.Model, image_size: int | None = None, count: int = 200
) -> np.ndarray:
    """Images to calibrate int8 with, from the training split of a data set.

    Args:
        source: `"digits"`, `"folder:PATH"`, `"csv:PATH"`, or an .npz file with `images`
            `(N, H, W, C)`.
        model: The model that will see the images: those of a data set go through its evaluation
            transform, see `keras_senet.data.Dataset.seen_by`.
        image_size: Height and width in pixels for a model that leaves them open.
        count: How many images at most, evenly spaced over the source.

    Returns:
        Images `(count, H, W, C)`.

    Raises:
        ValueError: If the source is none of these, or has no images.
    """
    if not source.endswith(".npz"):
        return training_images(_dataset(source, model, image_size), count)
    images, _ = _arrays(source)
    return images[evenly_spaced(len(images), count)]


def load_verification(
    source: str, *, model: keras.Model, image_size: int | None = None, count: int | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Held-out images to verify an artefact on, and their labels.

    Args:
        source: `"digits"`, `"folder:PATH"`, `"csv:PATH"`, or an .npz file with `images`
            `(N, H, W, C)` and, if it has them, `labels` `(N,)`, or `(N, K)` of 0 and 1 for a model
            of any number of labels.
        model: The model that will see the images: those of a data set go through its evaluation
            transform, see `keras_senet.data.Dataset.seen_by`.
        image_size: Height and width in pixels for a model that leaves them open.
        count: How many images at most, evenly spaced over the source; `None` for all.

    Returns:
        Images `(count, H, W, C)` and labels as above or `None`: also where a data set has other
        classes than the model, with a warning, and for a model of several outputs.

    Raises:
        ValueError: If the source is none of these, or has no images.
    """
    if not source.endswith(".npz"):
        return held_out(_dataset(source, model, image_size), model, image_size, count)
    images, labels = _arrays(source)
    if labels is not None and np.shape(labels)[:1] != (len(images),):
        raise ValueError(
            f"Expected `labels` of {len(images)} images in {source}. Received: shape "
            f"{np.shape(labels)}"
        )
    chosen = evenly_spaced(len(images), count)
    if labels is None or len(model.outputs) > 1:
        return images[chosen], None
    return images[chosen], labels[chosen]


def _dataset(source, model, image_size):
    view = data.View.of(model, image_size)
    size = view.sides[0] if view else model.inputs[0].shape[1] or image_size
    if size is None:
        raise ValueError(f"{model.name!r} leaves the image size open. Pass image_size (pixels).")
    return data.load(source, image_size=size).seen_by(model, image_size)


def _arrays(path):
    try:
        with np.load(path, allow_pickle=False) as arrays:
            images, labels = arrays["images"], arrays.get("labels")
            others = [name for name in arrays if name not in ("images", "labels")]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"Expected an .npz file with an array `images` (N, H, W, C). Received: {path}: {error}"
        ) from error
    if images.ndim != 4 or len(images) == 0:
        raise ValueError(
            f"Expected `images` (N, H, W, C) with N above 0 in {path}. Received: shape "
            f"{images.shape}"
        )
    if labels is None and others:
        warnings.warn(
            f"{path} has no array `labels`, and {others[0]!r} is not taken for it: no accuracy is "
            "judged on its images.",
            stacklevel=3,
        )
    return images, labels
