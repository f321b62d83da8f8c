"""Layers of Keras that do something in training only."""

import re

import keras

# Not every version of Keras has all of them.
IDLE_NAMES = (
    "ActivityRegularization",
    "AlphaDropout",
    "AugMix",
    "CutMix",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "MixUp",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
)
IDLE = tuple(getattr(keras.layers, name) for name in IDLE_NAMES if hasattr(keras.layers, name))
_KEYS = re.compile(f"({'|'.join(name.lower() for name in IDLE_NAMES)})[0-9]*")


def is_idle_class(kind: str) -> bool:
    """Whether layers of a class change nothing outside of training.

    Args:
        kind: Name of the class, or its key in a file of Keras: `"SpatialDropout2D"`, `"dropout_1"`.
    """
    return bool(_KEYS.fullmatch(str(kind).replace("_", "").lower()))
