"""Photographs in files: how small ones are augmented and seen, and how others."""

import numpy as np

from keras_senet.data.augmentation import CIFAR, PHOTO, Augmentation
from keras_senet.data.decode import size_of
from keras_senet.data.subset import evenly_spaced
from keras_senet.data.view import SMALL, View

LOOKED_AT = 32  # files whose size says whether a folder has small images


def are_small(paths: np.ndarray) -> bool:
    """Whether images have at most `SMALL` pixels a side, by the headers of a few."""
    chosen = evenly_spaced(len(paths), LOOKED_AT)
    sizes = [size for index in chosen if (size := size_of(str(paths[index]))) is not None]
    return bool(sizes) and max(map(max, sizes)) <= SMALL


def treatment(small: bool, image_size: int) -> tuple[Augmentation, View | None]:
    """The augmentation, and the evaluation transform where the images determine it.

    Small images are padded and shifted instead of cropped, and seen whole in evaluation.
    """
    return (CIFAR, View(image_size, crop=1.0)) if small else (PHOTO, None)
