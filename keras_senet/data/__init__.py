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
from keras_senet.data.split import Split

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
    "check",
    "load",
    "load_digits",
    "load_folder",
    "read_rgb",
]


def load(source, *, image_size=32):
    """Loads the data set that `--data` names.

    Args:
        source: `"digits"`, or `"folder:PATH"` for a folder with one folder of images per class.
        image_size: Height and width of the images in pixels.

    Returns:
        A `Dataset`.

    Raises:
        ValueError: If the source is none of these, or has no images.

    Example:
        >>> load("digits").class_names[:3]
        ('0', '1', '2')
    """
    if source == "digits":
        return load_digits(image_size)
    if source.startswith("folder:"):
        return load_folder(source.removeprefix("folder:"), image_size)
    raise ValueError(f"Unknown data source {source!r}. Expected 'digits' or 'folder:PATH'.")
