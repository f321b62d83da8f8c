"""Augmentations as values: the columns of the papers' recipes."""

import dataclasses
import math
import typing

from keras_senet.data.limits import Limit, check
from keras_senet.weights.fields import replaced, settle

LIMITS = {
    "padding": Limit(0, whole=True),
    "rotation": Limit(0, 180),
    "jitter": Limit(0, 255),
    "rand_augment": Limit(0, whole=True),
    "rand_probability": Limit(0, 1),
    "magnitude": Limit(0, 10),
    "magnitude_std": Limit(0),
    "erasing": Limit(0, 1),
    "mixup": Limit(0),
    "cutmix": Limit(0),
}


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
        rand_augment: How many random operations of RandAugment are drawn for an image.
        rand_probability: Probability that one of them is applied.
        magnitude: Their strength, 0 to 10.
        magnitude_std: Standard deviation of a normal noise that is added to it, each time anew.
        erasing: Probability that a random rectangle is filled with noise.
        mixup: Parameter alpha of mixup's Beta distribution; 0: no mixup.
        cutmix: Parameter alpha of CutMix's Beta distribution; 0: no CutMix. Where both are above
            0, each is chosen for half of the pairs.

    Raises:
        ValueError: If a field is out of its limits.

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
    rand_probability: float = 1.0
    magnitude: float = 0.0
    magnitude_std: float = 0.0
    erasing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self):
        for field in ("area", "ratio"):
            value = getattr(self, field)
            object.__setattr__(self, field, tuple(value) if isinstance(value, list) else value)
        settle(self, dataclasses.fields(self))
        if self.crop not in ("area", "pad", "none"):
            raise ValueError(
                f"Field `crop` must be 'area', 'pad' or 'none'. Received: {self.crop!r}"
            )
        if self.flip not in (False, True):
            raise ValueError(f"Field `flip` must be True or False. Received: {self.flip!r}")
        for field, most, words in (
            ("area", 1, "two shares, 0 < least <= greatest <= 1"),
            ("ratio", math.inf, "two ratios, 0 < least <= greatest"),
        ):
            pair = getattr(self, field)
            if not _is_range(pair, Limit(0, most, above=True)):
                raise ValueError(f"Field `{field}` must be {words}. Received: {pair!r}")
        check(self, LIMITS)

    @property
    def mixes(self) -> bool:
        """Whether images are mixed, so that labels become shares of the classes."""
        return self.mixup > 0 or self.cutmix > 0

    def replace(self, **changes) -> typing.Self:
        """A copy with these fields changed."""
        return replaced(self, changes)


def _is_range(pair, limit):
    """Whether these are two numbers within a limit, the greater one last."""
    is_pair = isinstance(pair, tuple) and len(pair) == 2 and all(map(limit.allows, pair))
    return is_pair and pair[0] <= pair[1]


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
# R. Wightman et al., ResNet strikes back, 2021, table 2: timm's rand-m7-mstd0.5-inc1, where an
# operation is applied with probability 0.5.
RSB_A2 = PHOTO.replace(
    rand_augment=2,
    rand_probability=0.5,
    magnitude=7.0,
    magnitude_std=0.5,
    mixup=0.1,
    cutmix=1.0,
)
RSB_A3 = RSB_A2.replace(magnitude=6.0)
# Z. Liu et al., A ConvNet for the 2020s, 2022, table 5.
CONVNEXT = RSB_A2.replace(magnitude=9.0, erasing=0.25, mixup=0.8)
NONE = Augmentation(crop="none", flip=False)
