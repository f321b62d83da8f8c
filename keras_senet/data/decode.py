"""Image files to pixels: as they are, or as a model sees them."""

import functools
import io
import os
import pathlib

import keras
import numpy as np

from keras_senet.data.view import View
from keras_senet.extras import needed

WHITE = (255, 255, 255, 255)
# Tags of TIFF 6.0, and values of the second and the third.
BITS, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
WHITE_IS_ZERO, UNSIGNED = 0, 1
# Formats that Pillow lists and that are not read: for some it runs another program (EPS, WMF), the
# others it does not decode.
NO_PICTURES = {"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG", "IPTC"}


@functools.cache
def formats():
    """Pillow's names of the formats that are read."""
    image = _pillow()
    image.init()
    return tuple(name for name in image.ID if name not in NO_PICTURES)


@functools.cache
def suffixes():
    """Suffixes of the files that are read, in lower case with the dot."""
    known = {*formats(), "MPO"}  # JPEG files with several pictures, which JPEG's decoder opens
    return frozenset(
        suffix for suffix, name in _pillow().registered_extensions().items() if name in known
    )


def _pillow():
    return needed("PIL.Image", "data", "Reading images")


def read_rgb(file: str | os.PathLike | bytes) -> np.ndarray:
    """Decodes one image file.

    Reads every format that Pillow decodes by itself, whatever the suffix: JPEG (CMYK included), PNG
    (16 bits and palettes included), BMP, GIF, WebP, TIFF, AVIF, JPEG 2000 and others; of several
    frames the first. Images are turned upright as their EXIF orientation says, transparent pixels
    are laid on white, and 16 bits become 8.

    Args:
        file: A path, or the bytes of a file.

    Returns:
        `(H, W, 3)` uint8.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If Pillow is not installed.
        ValueError: If the file is not an image, is truncated, or has pixels whose white is not
            known (floats, 32 bits, signs); the message names it.

    Example:
        >>> keras.utils.save_img("photo.jpg", np.zeros((375, 500, 3)))
        >>> read_rgb("photo.jpg").shape
        (375, 500, 3)
    """
    image_module = _pillow()
    is_bytes = isinstance(file, bytes)
    name = f"{len(file)} bytes" if is_bytes else str(file)
    source = io.BytesIO(file) if is_bytes else pathlib.Path(file)
    try:
        with image_module.open(source, formats=formats()) as image:
            image.load()
            return as_rgb(image)
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    # Pillow's decoders raise errors of many types: OSError, SyntaxError, struct.error, ...
    except Exception as error:
        raise ValueError(
            "Expected a whole JPEG, PNG or other image that Pillow reads. Received: "
            f"{name}: {error}"
        ) from error


def as_rgb(image) -> np.ndarray:
    """`(H, W, 3)` uint8 of a Pillow image of any mode, upright and without transparency."""
    from PIL import ImageOps

    black_and_white = _black_and_white(image)  # of the file: the turned image does not know it
    return _rgb(ImageOps.exif_transpose(image), black_and_white)


def load_image(path: str | os.PathLike | bytes, model: keras.Model) -> np.ndarray:
    """Reads an image file and brings it to the size that `model` takes.

    Size, crop and interpolation (the `View`) are those of the evaluation whose accuracy was
    published for the model's weights, or of the run that trained them. The model's preprocessing
    layer records them.

    Args:
        path: An image file of any format and orientation, or the bytes of one.
        model: A model of `keras_senet`, which normalizes pixels itself.

    Returns:
        `(1, H, W, 3)` uint8, raw RGB pixels, or `(1, H, W, 1)` grey ones: `model.predict` takes it.

    Raises:
        TypeError: If `model` is no Keras model.
        ValueError: If the file is no image, or the model has no preprocessing layer, or takes
            neither RGB nor grey images.
        ImportError: If Pillow is not installed.

    Example:
        >>> keras.utils.save_img("photo.jpg", np.zeros((375, 500, 3)))
        >>> model = keras_senet.SEResNet18()
        >>> load_image("photo.jpg", model).shape
        (1, 224, 224, 3)
    """
    if not isinstance(model, keras.Model):
        raise TypeError(
            "Expected the Keras model that the image is for. Received: "
            f"{type(model).__name__}. Of a `View`, `view.see(pixels)` shows an array."
        )
    view = View.of(model)
    if view is None:
        raise ValueError(
            f"{model.name!r} has no preprocessing layer of keras_senet, and so does not say which "
            "part of an image it takes. Build it with include_preprocessing=True."
        )
    channels = model.inputs[0].shape[-1]
    if channels not in (1, 3):
        raise ValueError(
            f"Image files are RGB or grey. {model.name!r} takes images of {channels} channels."
        )
    pixels = read_rgb(path)
    if channels == 1:
        pixels = grey(pixels)
    return view.see(pixels).reshape(1, *view.sides, channels)


def size_of(path):
    """Width and height in pixels as the header of a file says, or `None` if it cannot be read."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.size
    except Exception:  # of any type; reading the pixels reports it
        return None


def grey(pixels):
    """The brightness `(H, W)` uint8 of RGB pixels `(H, W, 3)`, by Pillow (ITU-R 601-2)."""
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).convert("L"))


def _black_and_white(image):
    """The numbers of black and white in a grey Pillow image of more than 8 bits; `None` for others.

    Pillow delivers the numbers of the file. Those of 12 bits are no brighter than those of 16, and
    of a TIFF file whose white is 0 it turns those of 8 bits alone.

    Raises:
        ValueError: If nothing says which number is white.
    """
    if image.mode == "F":
        raise ValueError("its pixels are floats, and nothing says which number is white")
    if not image.mode.startswith("I"):
        return None
    kind, black, white = image.format, 0, 65535
    if kind == "TIFF":
        bits, photometric, signs = (
            image.tag_v2.get(tag, usual)
            for tag, usual in ((BITS, (1,)), (PHOTOMETRIC, 1), (SAMPLE_FORMAT, (1,)))
        )
        is_known = bits[0] <= 16 and signs[0] == UNSIGNED
        white = 2 ** bits[0] - 1
        if photometric == WHITE_IS_ZERO:
            black, white = white, black
    elif image.mode == "I":
        is_known = kind in ("PNG", "PPM")  # which have 16 bits, or are brought to 16
    else:
        is_known = image.mode.startswith("I;16") and kind in (None, "PNG", "JPEG2000")
    if not is_known:
        raise ValueError(
            f"its pixels have another form than 16 bits without a sign ({kind or 'no file'}, mode "
            f"{image.mode}), and nothing says which number is white"
        )
    return black, white


def _rgb(image, black_and_white):
    """`(H, W, 3)` uint8 of a Pillow image of any mode."""
    from PIL import Image

    if black_and_white is not None:
        black, white = black_and_white
        pixels = (np.asarray(image, "float64") - black) / (white - black)
        grey = np.rint(255 * pixels).astype("uint8")
        if isinstance(clear := image.info.get("transparency"), int):
            grey[np.asarray(image) == clear] = 255
        return np.repeat(grey[..., None], 3, axis=-1)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, WHITE), image)
    return np.asarray(image.convert("RGB"))
