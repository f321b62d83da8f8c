"""Normalization of pixels: a property of the weights, which the model keeps as a layer."""

import dataclasses
import typing

from keras_senet.layers import ImageNormalization
from keras_senet.weights.fields import settle

INTERPOLATIONS = ("bilinear", "bicubic")
CROP_MODES = ("center", "squash")


def check_view(crop: float, interpolation: str, crop_mode: str) -> None:
    """Raises `ValueError` unless images can be evaluated so, see `Preprocessing`."""
    if not 0 < crop <= 1 or interpolation not in INTERPOLATIONS:
        raise ValueError(
            f"`crop` must be above 0 and at most 1, `interpolation` one of {INTERPOLATIONS}. "
            f"Received: crop={crop!r}, interpolation={interpolation!r}"
        )
    if crop_mode not in CROP_MODES:
        raise ValueError(f"`crop_mode` must be one of {CROP_MODES}. Received: {crop_mode!r}")


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """Normalization of raw pixels in 0..255: `(x / 255 - mean) / std`.

    Attributes:
        mean: Mean of every channel, of pixels scaled to 0..1.
        std: Standard deviation of every channel, of pixels scaled to 0..1, not zero.
        crop: Side of the evaluation's central crop divided by the shorter side of the resized
            image: 0.875 is 224 of 256 pixels.
        interpolation: Interpolation of the evaluation's resize, `"bilinear"` or `"bicubic"`.
        crop_mode: `"center"`, where the resize keeps the image's ratio of sides, or `"squash"`,
            where it makes every image square.

    Raises:
        ValueError: If the numbers of means and deviations differ, a deviation is not above 0, or
            `crop`, `interpolation` or `crop_mode` is none of these.

    Example:
        >>> dataclasses.replace(IMAGENET, crop=0.95, interpolation="bicubic").crop
        0.95
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop: float = 0.875
    interpolation: str = "bilinear"
    crop_mode: str = "center"

    def __post_init__(self):
        settle(self, dataclasses.fields(self))
        if len(self.mean) != len(self.std) or not all(value > 0 for value in self.std):
            raise ValueError(
                "`mean` and `std` must have one value for every channel, `std` above 0. "
                f"Received: mean={self.mean}, std={self.std}"
            )
        check_view(self.crop, self.interpolation, self.crop_mode)

    def of_channels(self, channels: int | None) -> typing.Self:
        """The normalization of images with another number of channels than RGB.

        A single channel is normalized by the averages of the three means and deviations. Where the
        three are equal, a grey image gives exactly the outputs of its RGB copy, otherwise nearly:
        `adapt_stem` sums the three kernels, as timm does, and after the sum there is one mean and
        one deviation. With several channels each has the mean and deviation of the colour whose
        kernel it gets.
        """
        if len(self.mean) != 3 or channels in (None, 3):
            return self
        if channels == 1:
            mean, std = (sum(self.mean) / 3,), (sum(self.std) / 3,)
        else:
            mean, std = (
                tuple(values[index % 3] for index in range(channels))
                for values in (self.mean, self.std)
            )
        return dataclasses.replace(self, mean=mean, std=std)

    def layer(self, name: str = "preprocessing", size: int | None = None) -> ImageNormalization:
        """The Keras layer, in float32 under every policy.

        Args:
            name: Name of the layer.
            size: Side of the evaluation's images in pixels, which the layer keeps, or `None`.
        """
        return ImageNormalization(
            scale=[1 / (255 * std) for std in self.std],
            offset=[-mean / std for mean, std in zip(self.mean, self.std, strict=True)],
            size=size,
            crop=self.crop,
            interpolation=self.interpolation,
            crop_mode=self.crop_mode,
            dtype="float32",
            name=name,
        )


# The usual statistics of the two training sets, RGB.
IMAGENET = Preprocessing(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
# Evaluation sees small images whole, as in timm.
CIFAR = Preprocessing(mean=(0.4914, 0.4822, 0.4465), std=(0.2023, 0.1994, 0.2010), crop=1.0)
# TensorFlow's Inception and MobileNet: pixels scaled to -1..1.
INCEPTION = Preprocessing(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
# The authors' Caffe models: 0..255 less the mean, which they state for BGR: 104, 117, 123.
CAFFE = Preprocessing(mean=(123 / 255, 117 / 255, 104 / 255), std=(1 / 255, 1 / 255, 1 / 255))
# VGG and ResNet of keras.applications: the same with decimals.
VGG = Preprocessing(
    mean=(123.68 / 255, 116.779 / 255, 103.939 / 255), std=(1 / 255, 1 / 255, 1 / 255)
)
# EfficientNetV2 S, M and L of keras.applications: 0..255 to -1..1 by 128, the authors' own. (timm
# has 127.5 for the same weights.)
MIDDLE = Preprocessing(mean=(128 / 255,) * 3, std=(128 / 255,) * 3)
