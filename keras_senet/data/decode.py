"""Any image file to RGB pixels."""

import io
import pathlib

import numpy as np

WHITE = (255, 255, 255, 255)


def read_rgb(file):
    """Decodes one image file.

    Reads JPEG (CMYK included), PNG (16 bits and palettes included), BMP, GIF (its first frame) and
    WebP, whatever the suffix. Images are turned upright as their EXIF orientation says, transparent
    pixels are laid on white, and 16 bits become 8.

    Args:
        file: A path, or the bytes of a file.

    Returns:
        `(H, W, 3)` uint8.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If Pillow is not installed.
        ValueError: If the file is not an image, or is truncated; the message names it.

    Example:
        >>> from keras_senet.data import read_rgb
        >>> read_rgb("photo.jpg").shape  # doctest: +SKIP
        (375, 500, 3)
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImportError("Images need Pillow: pip install 'keras-senet[data]'") from error

    is_bytes = isinstance(file, bytes)
    name = f"{len(file)} bytes" if is_bytes else str(file)
    source = io.BytesIO(file) if is_bytes else pathlib.Path(file)
    try:
        with Image.open(source) as image:
            image.load()
            return _rgb(ImageOps.exif_transpose(image))
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    # Pillow's decoders raise whatever meets them: OSError, SyntaxError, struct.error, ...
    except Exception as error:
        raise ValueError(
            f"Expected a whole JPEG, PNG, BMP, GIF or WebP image. Received: {name}: {error}"
        ) from error


def grey(pixels):
    """The brightness `(H, W)` uint8 of RGB pixels `(H, W, 3)`, by Pillow (ITU-R 601-2)."""
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).convert("L"))


def _rgb(image):
    """`(H, W, 3)` uint8 of a Pillow image of any mode."""
    from PIL import Image

    if image.mode.startswith("I") or image.mode == "F":  # a grey image of more than 8 bits
        pixels = np.asarray(image, "float64") * (255 / 65535)
        grey = np.rint(pixels.clip(0, 255)).astype("uint8")
        return np.repeat(grey[..., None], 3, axis=-1)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, WHITE), image)
    return np.asarray(image.convert("RGB"))
