"""Images and labels: raw pixels in 0..255, never normalized (the model does that)."""

import importlib
from typing import TYPE_CHECKING

from keras_senet.data.decode import read_rgb
from keras_senet.data.load_image import load_image

if TYPE_CHECKING:
    from keras_senet.data.dataset import Dataset, Split
    from keras_senet.data.digits import load_digits
    from keras_senet.data.folder import load_folder

# These need TensorFlow, which reading one image does not: they load on first use.
_MODULES = {
    "Dataset": "dataset",
    "Split": "dataset",
    "load_digits": "digits",
    "load_folder": "folder",
}

__all__ = ["Dataset", "Split", "load", "load_digits", "load_folder", "load_image", "read_rgb"]


def __getattr__(name):
    if name in _MODULES:
        module = importlib.import_module(f"{__name__}.{_MODULES[name]}")
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


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
    from keras_senet.data.digits import load_digits
    from keras_senet.data.folder import load_folder

    if source == "digits":
        return load_digits(image_size)
    if source.startswith("folder:"):
        return load_folder(source.removeprefix("folder:"), image_size)
    raise ValueError(f"Unknown data source {source!r}. Expected 'digits' or 'folder:PATH'.")
