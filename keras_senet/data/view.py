"""`View`, the evaluation transform: size, crop and interpolation, which travel with the model.

Pipeline, `load_image`, SavedModel and calibration take it from here.
"""

import dataclasses
import operator
import typing
from collections.abc import Callable

import keras
import numpy as np

from keras_senet.layers import ImageNormalization
from keras_senet.weights.fields import replaced
from keras_senet.weights.preprocessing import check_view

SMALL = 64  # pixels; images up to here are seen whole
CROP = 0.875  # 224 of 256 pixels, usual for larger ones


@dataclasses.dataclass(frozen=True)
class View:
    """The central part of an image, at a size.

    The image is resized with an antialiased filter, so that its shorter side has
    `floor(size / crop)` pixels, and the centre is cut out, as in timm's evaluation; crop 0.875 is
    the 224 of 256 pixels that is usual in Caffe and Keras.

    Attributes:
        size: Height and width in pixels: one number, or a pair.
        crop: Share of the resized image's shorter side that is seen, above 0 and at most 1.
        interpolation: Interpolation of the resize, `"bilinear"` or `"bicubic"`.
        crop_mode: `"center"`, or `"squash"`: the image is resized to `floor(size / crop)` pixels in
            both directions, whatever its ratio of sides, before the centre is cut out.

    Raises:
        ValueError: If a field has another value.

    Reference:
        `transforms_imagenet_eval` of timm.

    Example:
        >>> View(288, crop=1.0, interpolation="bicubic").sides
        (288, 288)
    """

    size: int | tuple[int, int]
    crop: float = CROP
    interpolation: str = "bilinear"
    crop_mode: str = "center"

    def __post_init__(self):
        if min(self.sides) < 1:
            raise ValueError(f"Field `size` must be above 0 pixels. Received: {self.size!r}")
        check_view(self.crop, self.interpolation, self.crop_mode)

    @classmethod
    def usual(cls, size: int) -> typing.Self:
        """The view for weights that record none: small images whole, others at crop 0.875."""
        return cls(size, 1.0 if size <= SMALL else CROP)

    @classmethod
    def of(cls, model: keras.Model, size: int | None = None) -> typing.Self | None:
        """The view that the weights of a model were evaluated in, or `None` without a record of it.

        The preprocessing layer of the model, or of a model nested in it, records the view. A size
        that the model's input fixes takes precedence.

        Args:
            model: A `keras.Model` of one image.
            size: Height and width in pixels for a model that leaves them open; `None`: those that
                its weights were evaluated with.

        Raises:
            ValueError: If the model has parts of different views, or leaves the size open.
        """
        layers = _normalizations(model)
        if not layers:
            return None
        views = {(layer.crop, layer.interpolation, layer.crop_mode) for layer in layers}
        if len(views) > 1:
            raise ValueError(
                f"Parts of {model.name!r} have different views of an image: {sorted(views)} (crop, "
                "interpolation, mode). Expected one."
            )
        judged = layers[0].size
        rows, columns = (None, None) if judged is None else View(judged).sides
        height, width = model.inputs[0].shape[1:3]
        height, width = height or size or rows, width or size or columns
        if height is None or width is None:
            raise ValueError(
                f"{model.name!r} leaves the image size open. Build it with input_shape."
            )
        return cls(height if height == width else (height, width), *views.pop())

    def __str__(self):
        """`224x224 pixels, crop 0.875, bilinear`."""
        height, width = self.sides
        squashed = ", squashed" if self.crop_mode == "squash" else ""
        return f"{height}x{width} pixels, crop {self.crop:g}, {self.interpolation}{squashed}"

    def write_to(self, model: keras.Model) -> None:
        """Records the view in a model as that of its weights' evaluation.

        A model without a preprocessing layer of this package has no place for it and is unchanged.
        """
        for layer in _normalizations(model):
            layer.size, layer.crop, layer.interpolation = self.size, self.crop, self.interpolation
            layer.crop_mode = self.crop_mode

    def replace(self, **changes) -> typing.Self:
        """A copy with these fields changed."""
        return replaced(self, changes)

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width in pixels."""
        sides = self.size if isinstance(self.size, (tuple, list)) else (self.size, self.size)
        height, width = map(operator.index, sides)
        return height, width

    def placed(self, height: typing.Any, width: typing.Any, maximum: Callable = max) -> tuple:
        """The size that an image is resized to, and where the view lies in the result.

        Args:
            height: Height of the image in pixels, an integer or an integer tensor.
            width: Width of the image in pixels, likewise.
            maximum: The function `max` for such numbers.

        Returns:
            Four integers: height and width of the resized image, top and left edge of the view.
        """
        rows, columns = self.sides
        least = int(rows / self.crop), int(columns / self.crop)
        if self.crop_mode == "squash":
            return *least, _half(least[0] - rows), _half(least[1] - columns)
        # Both sides by one factor, so that the image covers what is cut out of it.
        if rows == columns:  # rounded as torchvision's Resize does
            tall = maximum(least[0], least[0] * height // width)
            wide = maximum(least[1], least[1] * width // height)
        else:  # as timm's ResizeKeepRatio
            tall = maximum(least[0], (2 * height * least[1] + width) // (2 * width))
            wide = maximum(least[1], (2 * width * least[0] + height) // (2 * height))
        return tall, wide, _half(tall - rows), _half(wide - columns)

    def see(self, pixels: np.ndarray) -> np.ndarray:
        """The view of an image, by Pillow.

        Args:
            pixels: `(H, W, 3)` or `(H, W)` uint8.

        Returns:
            The same with the view's height and width.
        """
        from PIL import Image

        filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
        (rows, columns), (height, width) = self.sides, pixels.shape[:2]
        tall, wide, top, left = self.placed(height, width)
        image = Image.fromarray(pixels).resize((wide, tall), filters[self.interpolation])
        return np.asarray(image)[top : top + rows, left : left + columns]


def _half(length):
    """Half of an integer, ties to the even number as Python rounds."""
    return (length + length // 2 % 2) // 2


def _normalizations(model):
    return [layer for layer in _leaves(model) if isinstance(layer, ImageNormalization)]


def _leaves(model):
    for layer in model.layers:
        yield from _leaves(layer) if hasattr(layer, "layers") else (layer,)
