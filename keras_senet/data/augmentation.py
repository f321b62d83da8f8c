"""Augmentations as values: the columns of the papers' recipes."""

import dataclasses
import typing


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augmentation:
    """The operations on a training image, in the order of the fields.

    Attributes:
        crop: `"area"`: a random part of the image, enlarged or reduced to the size; `"pad"`:
            zero padding and a random crop back to the size; `"none"`: as in evaluation.
        area: Least and greatest share of the image's area that crop `"area"` takes.
        ratio: Least and greatest width of this part divided by its height.
        padding: Pixels of zeros on each side for crop `"pad"`.
        flip: Whether half of the images are mirrored left to right.
        rotation: Greatest angle in degrees, uniform on both sides of 0; reflected at the edges.
        jitter: Greatest change of a colour channel, in the units of 0..255, uniform on both sides
            of 0, drawn for each channel of an image.
        rand_augment: How many random operations of RandAugment an image undergoes.
        magnitude: Their strength, 0 to 10.
        erasing: Probability that a random rectangle is filled with noise.
        mixup: Parameter alpha of mixup's Beta distribution; 0: no mixup.
        cutmix: Parameter alpha of CutMix's Beta distribution; 0: no CutMix. Where both are above
            0, each is chosen for half of the pairs.

    Example:
        >>> PHOTO.replace(rotation=10.0, jitter=20.0).rotation
        10.0
    """

    crop: str = "area"
    area: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    padding: int = 4
    flip: bool = True
    rotation: float = 0.0
    jitter: float = 0.0
    rand_augment: int = 0
    magnitude: float = 0.0
    erasing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self):
        if self.crop not in ("area", "pad", "none"):
            raise ValueError(
                f"Field `crop` must be 'area', 'pad' or 'none'. Received: {self.crop!r}"
            )
        if not 0 < self.area[0] <= self.area[1] <= 1:
            raise ValueError(
                "Field `area` must be two shares, 0 < least <= greatest <= 1. Received: "
                f"{self.area}"
            )
        if not 0 < self.ratio[0] <= self.ratio[1]:
            raise ValueError(
                f"Field `ratio` must be two ratios, 0 < least <= greatest. Received: {self.ratio}"
            )
        for field in ("padding", "rotation", "jitter", "rand_augment", "mixup", "cutmix"):
            if getattr(self, field) < 0:
                raise ValueError(
                    f"Field `{field}` must not be negative. Received: {getattr(self, field)}"
                )
        if not 0 <= self.magnitude <= 10:
            raise ValueError(f"Field `magnitude` must be 0 to 10. Received: {self.magnitude}")
        if not 0 <= self.erasing <= 1:
            raise ValueError(f"Field `erasing` must be a probability. Received: {self.erasing}")

    @property
    def mixes(self) -> bool:
        """Whether images are mixed, so that labels become shares of the classes."""
        return self.mixup > 0 or self.cutmix > 0

    def replace(self, **changes) -> typing.Self:
        """A copy with these fields changed."""
        return dataclasses.replace(self, **changes)


# Section 5.1 of the paper: random size and aspect ratio, and mirroring.
PHOTO = Augmentation()
# That of the released models (README of their repository).
RELEASED = PHOTO.replace(rotation=10.0, jitter=20.0)
# MobileNet's and ShuffleNet's: parts of the image are less enlarged.
MOBILE = PHOTO.replace(area=(0.25, 1.0))
# He et al., 2016, section 4.2, for 32x32 images.
CIFAR = Augmentation(crop="pad")
# For digits and other images that a mirror changes.
SHIFT = CIFAR.replace(flip=False)
# R. Wightman et al., ResNet strikes back, 2021, table 2.
RSB_A2 = PHOTO.replace(rand_augment=2, magnitude=7.0, mixup=0.1, cutmix=1.0)
RSB_A3 = RSB_A2.replace(magnitude=6.0)
NONE = Augmentation(crop="none", flip=False)
