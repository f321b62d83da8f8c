"""Images and labels: raw pixels in 0..255, never normalized (the model does that)."""

import os

from keras_senet.data.augmentation import (
    CIFAR,
    CONVNEXT,
    MOBILE,
    NONE,
    PHOTO,
    RELEASED,
    RSB_A2,
    RSB_A3,
    SHIFT,
    Augmentation,
)
from keras_senet.data.bad_images import BadImages, check
from keras_senet.data.checks import as_image_size
from keras_senet.data.csv_file import load_csv
from keras_senet.data.dataset import Dataset
from keras_senet.data.decode import load_image, read_rgb
from keras_senet.data.digits import load_digits
from keras_senet.data.division import divided, fold, hold_out
from keras_senet.data.folder import load_folder
from keras_senet.data.shapes import load_shapes
from keras_senet.data.speed import throughput
from keras_senet.data.split import Split
from keras_senet.data.tfds import load_tfds
from keras_senet.data.view import View

__all__ = [
    "CIFAR",
    "CONVNEXT",
    "MOBILE",
    "NONE",
    "PHOTO",
    "RELEASED",
    "RSB_A2",
    "RSB_A3",
    "SHIFT",
    "Augmentation",
    "BadImages",
    "Dataset",
    "Split",
    "View",
    "check",
    "fold",
    "hold_out",
    "load",
    "load_csv",
    "load_digits",
    "load_folder",
    "load_image",
    "load_shapes",
    "load_tfds",
    "read_rgb",
    "throughput",
]


def load(
    source: str,
    *,
    image_size: int = 32,
    max_bad_images: int | None = None,
    division: str | None = None,
) -> Dataset:
    """Loads the data set that `--data` names.

    Args:
        source: `"digits"`; `"shapes"`; `"folder:PATH"` for a folder with one folder of images per
            class, or with folders train, validation and test of such folders; `"csv:PATH"` for
            images with any number of labels each, see `load_csv`; or `"tfds:NAME"` for a prepared
            data set of TensorFlow Datasets.
        image_size: Height and width of the images in pixels.
        max_bad_images: How many unreadable images are tolerated; see `Dataset`.
        division: `"hold_out 0.1"` to hold out a tenth anew, as `hold_out` does, `"fold 2/5"` for
            the second of five folds, as `fold` does; `None`: as the source divides them.

    Returns:
        A `Dataset`.

    Raises:
        ValueError: If the source is none of these, or has no images, or if the size is no
            whole number, or the data cannot be divided so.

    Example:
        >>> load("digits").class_names[:3]
        ('0', '1', '2')
    """
    image_size = as_image_size(image_size)
    if division is not None:
        whole = load(source, image_size=image_size, max_bad_images=max_bad_images)
        return divided(whole, division)
    kind, _, name = source.partition(":") if isinstance(source, str) else ("", "", "")
    if source == "digits":
        return load_digits(image_size)
    if source == "shapes":
        return load_shapes(image_size)
    if kind == "folder" and name:
        return load_folder(name, image_size, max_bad_images)
    if kind == "csv" and name:
        return load_csv(name, image_size, max_bad_images)
    if kind == "tfds" and name:
        return load_tfds(name, image_size, max_bad_images)
    is_path = isinstance(source, (str, os.PathLike)) and os.path.lexists(source)
    meant = "csv" if is_path and os.fspath(source).lower().endswith(".csv") else "folder"
    hint = f" Did you mean '{meant}:{os.fspath(source)}'?" if is_path else ""
    raise ValueError(
        f"Unknown data source {source!r}. Expected 'digits', 'shapes', 'folder:PATH', "
        f"'csv:PATH' or 'tfds:NAME'.{hint}"
    )
