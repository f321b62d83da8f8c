"""Networks whose last stages may keep their resolution: dilation in place of strides."""

import dataclasses
import typing

from keras_senet.architectures.architecture import Architecture

CHOICES = (None, 8, 16, 32)


class Scale(typing.NamedTuple):
    """The resolution of a stage.

    Attributes:
        stride: Stride of its first unit.
        first: Dilation of the first 3x3 convolution of its first unit, that of the stage before.
        dilation: Dilation of the 3x3 convolutions behind it.
    """

    stride: int
    first: int
    dilation: int

    def unit(self, index):
        """The same of its unit `index`, from 1."""
        return self if index == 1 else Scale(1, self.dilation, self.dilation)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dilated(Architecture):
    """What families share whose strides can become dilation, with the same weights.

    Attributes:
        output_stride: Pixels of the image for each pixel of the last map, 8, 16 or 32; `None`: that
            of a file of this package given as `weights`, else 32. Stages that would be coarser keep
            their resolution, and their 3x3 convolutions are dilated by 2, or by 4 where two strides
            are left out: a convolution sees what it saw.

    Raises:
        ValueError: If a field is none of these.

    Reference:
        Chen et al., https://arxiv.org/abs/1706.05587, section 3.1; timm's argument of this name.
    """

    output_stride: int | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.output_stride not in CHOICES:
            raise ValueError(
                f"Field `output_stride` must be one of {CHOICES}. Received: {self.output_stride!r}"
            )

    @property
    def feature_strides(self) -> tuple[int, ...]:
        """Pixels of the image for each pixel of a map, in the order of `feature_names`."""
        return tuple(min(stride, self.output_stride or 32) for stride in super().feature_strides)

    def _scales(self, stride, strides):
        """The `Scale` of each stage.

        Args:
            stride: Stride of the map that the first stage reads.
            strides: Strides of the stages where nothing is dilated.
        """
        dilation = 1
        for own in strides:
            before = dilation
            if stride >= (self.output_stride or 32):
                dilation, own = dilation * own, 1
            stride *= own
            yield Scale(own, before, dilation)
