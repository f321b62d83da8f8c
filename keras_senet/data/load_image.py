"""An image file as the input that a model's weights were evaluated with."""

import numpy as np

from keras_senet.data.decode import read_rgb
from keras_senet.layers import ImageNormalization


def load_image(path, model):
    """Reads an image file and brings it to the size that `model` takes.

    The shorter side is resized to `floor(size / crop)` pixels with an antialiased filter, and the
    centre is cropped, as in the evaluation that published the accuracy of the model's weights
    (timm's `create_transform`, Caffe's and Keras' habit of 224 of 256 pixels). `crop` and the
    interpolation are those of the weights, kept in the model's preprocessing layer.

    Args:
        path: An image file of any format and orientation, or the bytes of one.
        model: A model of `keras_senet`, which normalizes pixels itself.

    Returns:
        `(1, H, W, 3)` uint8, raw RGB pixels: `model.predict` takes it.

    Raises:
        ValueError: If the file is no image, or the model has no preprocessing layer.
        ImportError: If Pillow is not installed.

    Example:
        >>> model = keras_senet.SEResNet50(weights="timm/seresnet50.a1_in1k")  # doctest: +SKIP
        >>> model.predict(load_image("photo.jpg", model)).shape  # doctest: +SKIP
        (1, 1000)
    """
    layers = [layer for layer in model.layers if isinstance(layer, ImageNormalization)]
    if len(layers) != 1:
        raise ValueError(
            f"Expected a model with its own preprocessing (one ImageNormalization layer). Received "
            f"{model.name!r} with {len(layers)}. Build it with include_preprocessing=True."
        )
    view = layers[0]
    height, width = model.inputs[0].shape[1:3]
    height, width = height or view.size, width or view.size
    if height is None or width is None:
        raise ValueError(f"{model.name!r} leaves the image size open. Build it with input_shape.")
    pixels = read_rgb(path)
    return _centre(pixels, height, width, view.crop, view.interpolation)[None]


def _centre(pixels, height, width, crop, interpolation):
    """`(H, W, 3)` uint8 to `(height, width, 3)`: timm's Resize and CenterCrop."""
    from PIL import Image

    filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    scaled = (int(height / crop), int(width / crop))
    old_height, old_width = pixels.shape[:2]
    # Both sides by one factor, so that the image covers what is cropped.
    if height == width:
        short = scaled[0]
        if old_width <= old_height:
            new = (int(short * old_height / old_width), short)
        else:
            new = (short, int(short * old_width / old_height))
    else:
        factor = max(scaled[0] / old_height, scaled[1] / old_width)
        new = (round(old_height * factor), round(old_width * factor))
    image = Image.fromarray(pixels).resize((new[1], new[0]), filters[interpolation])
    top = round((new[0] - height) / 2)
    left = round((new[1] - width) / 2)
    return np.asarray(image)[top : top + height, left : left + width]
