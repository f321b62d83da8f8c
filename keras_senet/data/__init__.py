"""Images and labels: raw pixels in 0..255, never normalized (the model does that)."""

from keras_senet.data.augmentation import (
    CIFAR,
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
from keras_senet.data.dataset import Dataset
from keras_senet.data.decode import read_rgb
from keras_senet.data.digits import load_digits
from keras_senet.data.folder import load_folder
from keras_senet.data.load_image import load_image
from keras_senet.data.shapes import load_shapes
from keras_senet.data.split import Split
from keras_senet.data.tfds import load_tfds
from keras_senet.data.throughput import throughput
from keras_senet.data.view import View

__all__ = [
    "CIFAR",
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
    "load",
    "load_digits",
    "load_folder",
    "load_image",
    "load_shapes",
    "load_tfds",
    "read_rgb",
    "throughput",
]


def load(source, *, image_size=32, max_bad_images=None):
    """Loads the data set that `--data` names.

    Args:
        source: `"digits"`; `"shapes"`; `"folder:PATH"` for a folder with one folder of images per
            class; or `"tfds:NAME"` for a prepared data set of TensorFlow Datasets.
        image_size: Height and width of the images in pixels.
        max_bad_images: How many unreadable images are put up with; see `Dataset`.

    Returns:
        A `Dataset`.

    Raises:
        ValueError: If the source is none of these, or has no images.

    Example:
        >>> load("digits").class_names[:3]
        ('0', '1', '2')
    """
    kind, _, name = source.partition(":")
    if source == "digits":
        return load_digits(image_size)
    if source == "shapes":
        return load_shapes(image_size)
    if kind == "folder" and name:
        return load_folder(name, image_size, max_bad_images)
    if kind == "tfds" and name:
        return load_tfds(name, image_size, max_bad_images)
    raise ValueError(
        f"Unknown data source {source!r}. Expected 'digits', 'shapes', 'folder:PATH' or "
        "'tfds:NAME'."
    )
