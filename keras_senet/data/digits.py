"""scikit-learn's handwritten digits: 1797 real images that need no download."""

import numpy as np

from keras_senet.data.augmentation import SHIFT
from keras_senet.data.checks import as_image_size
from keras_senet.data.dataset import Dataset
from keras_senet.data.folder import HELD_OUT
from keras_senet.data.split import Split
from keras_senet.extras import needed


def load_digits(image_size: int = 32) -> Dataset:
    """The digits as RGB images, with a fixed split.

    The 8x8 scans (values 0 to 16) are scaled to 0..255, enlarged bilinearly and repeated to three
    channels. Within each class, in the order of the file, images number 0, 5, 10, ... are held
    out: 364 images; 1433 are left to train on.

    Args:
        image_size: Height and width in pixels, at least 8.

    Raises:
        ImportError: If scikit-learn is not installed.
        ValueError: If the size is below 8.

    Reference:
        E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998.
    """
    image_size = as_image_size(image_size)
    if image_size < 8:
        raise ValueError(f"Argument `image_size` must be at least 8 pixels. Received: {image_size}")
    datasets = needed("sklearn.datasets", "data", "The data set of digits")
    scans, labels = datasets.load_digits(return_X_y=True)
    scans = scans.reshape(-1, 8, 8, 1) * (255 / 16)
    # From the module that hides the GPUs from TensorFlow where Keras runs on JAX.
    from keras_senet.data.pipeline import tf

    pixels = np.rint(tf.image.resize(scans, (image_size, image_size)).numpy()).astype("uint8")
    pixels = np.repeat(pixels, 3, axis=-1)
    labels = labels.astype("int32")
    number = np.zeros_like(labels)  # of an image within its class
    for label in range(10):
        number[labels == label] = np.arange((labels == label).sum())
    held = number % HELD_OUT == 0
    return Dataset(
        name="digits",
        source="digits",
        class_names=tuple("0123456789"),
        image_size=image_size,
        training=Split(pixels[~held], labels[~held]),
        held_out=Split(pixels[held], labels[held]),
        augmentation=SHIFT,
    )
