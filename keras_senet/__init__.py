"""Squeeze-and-Excitation networks for Keras 3.

    import keras_senet

    model = keras_senet.SEResNet50()                                # raw RGB 0..255 in
    plain = keras_senet.SEResNet50.replace(se=None)()               # without SE

The subpackages `data`, `training`, `analysis` and `export` load on first use.
"""

import importlib

from keras_senet.startup import loading

with loading():
    from keras_senet import layers
from keras_senet._version import __version__
from keras_senet.architectures import *
from keras_senet.architectures import __all__ as _architectures
from keras_senet.surgery.add_se import add_se
from keras_senet.weights.export_weights import export_weights
from keras_senet.weights.labels import decode_predictions
from keras_senet.weights.preprocessing import Preprocessing

_SUBPACKAGES = ("analysis", "data", "export", "training", "weights")

__all__ = [
    *_architectures,
    "Preprocessing",
    "__version__",
    "add_se",
    "decode_predictions",
    "export_weights",
    "layers",
    "load_image",
    *_SUBPACKAGES,
]


def __getattr__(name):
    if name == "load_image":
        return importlib.import_module(f"{__name__}.data").load_image
    if name in _SUBPACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_SUBPACKAGES, "load_image"])
