"""EfficientNet, with its native SE; its class also has EfficientNetV2, MnasNet and TinyNet."""

import dataclasses
import math
from collections.abc import Iterator

import keras

from keras_senet.architectures.architecture import Architecture
from keras_senet.architectures.attention_config import AttentionConfig
from keras_senet.architectures.blocks import (
    conv_norm,
    depthwise_norm,
    residual_unit,
    squeeze_excite,
    unit_without_sum,
)
from keras_senet.architectures.checks import check_numbers, check_stages
from keras_senet.architectures.se_config import SEConfig
from keras_senet.weights.layouts import keras_applications, timm
from keras_senet.weights.layouts.layout import Layout
from keras_senet.weights.preprocessing import IMAGENET, MIDDLE

__all__ = [
    "EfficientNet",
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "EfficientNetB8",
    "EfficientNetL2",
]

BLOCKS = ("inverted", "fused", "conv")


@dataclasses.dataclass(frozen=True)
class Stage:
    """Units of the same output, in a network of width and depth 1.

    Attributes:
        filters: Channels out.
        depth: Number of units.
        kernel_size: Side of the window of the depthwise convolutions, or of those in its place.
        stride: Stride of the first unit.
        expansion: Channels inside each unit divided by its input channels.
        block: `"inverted"` (1x1, depthwise, SE, 1x1), `"fused"` (a convolution in place of the
            first two) or `"conv"` (a convolution and its activation).
    """

    filters: int
    depth: int
    kernel_size: int = 3
    stride: int = 1
    expansion: int = 6
    block: str = "inverted"

    def __post_init__(self):
        check_numbers(self)
        if self.block not in BLOCKS:
            raise ValueError(
                f"`block` of a stage must be one of {BLOCKS}. Received: {self.block!r}"
            )


# Tan and Le, table 1, stages 2 to 8.
B0 = (
    Stage(16, 1, expansion=1),
    Stage(24, 2, stride=2),
    Stage(40, 2, kernel_size=5, stride=2),
    Stage(80, 3, stride=2),
    Stage(112, 3, kernel_size=5),
    Stage(192, 4, kernel_size=5, stride=2),
    Stage(320, 1),
)


def native(stages: tuple[int, ...] | None = None, activation: str = "silu") -> SEConfig:
    """SE after the depthwise convolution, a quarter as wide as the unit's input."""
    return SEConfig(
        reduction=4,
        ratio_of="input",
        activation=activation,
        placement="3x3",
        stages=stages,
    )


NATIVE = native()


@dataclasses.dataclass(frozen=True, kw_only=True)
class EfficientNet(Architecture):
    """Inverted residual units with SE, a small network scaled in width, depth and image size.

    The defaults are TensorFlow's networks, `tf_efficientnet_b0` in timm. Those that timm trained
    itself, `efficientnet_b0`, are `.replace(padding="torch", epsilon=1e-5)`.

    The branch of unit i of n is dropped at a rate of `stochastic_depth * i / n`, counted from 0
    over all units, as in TensorFlow's code and timm.

    Attributes:
        stages: The table of the network, `B0`.
        width: Factor on all channels.
        depth: Factor on the number of units in each stage, rounded up.
        stem: Channels of the first convolution, in a network of width 1.
        head_width: Channels of the last convolution; multiplied by `width` where that is above 1.
        round_limit: Least share of `width` times the channels, in 0..1, that rounding to multiples
            of 8 leaves: 0.9, and 0 in EfficientNetV2-B0 to B3.
        activation: Activation of all convolutions.
        padding: TensorFlow's `"same"`, or `"torch"` (`kernel_size // 2` on all sides).
        epsilon: Added to the variance in normalizations.

    Raises:
        ValueError: If a field is none of these.

    Reference:
        Tan and Le, https://arxiv.org/abs/1905.11946, table 1 and section 5.2.
    """

    stages: tuple[Stage, ...] = B0
    width: float = 1.0
    depth: float = 1.0
    stem: int = 32
    head_width: int = 1280
    round_limit: float = 0.9
    activation: str = "silu"
    padding: str = "same"
    epsilon: float = 1e-3
    dropout: float = 0.2
    stochastic_depth: float = 0.2
    se: AttentionConfig | None = NATIVE

    def __post_init__(self):
        check_stages(self.stages, Stage)
        super().__post_init__()

    @property
    def depths(self) -> tuple[int, ...]:
        """Units in each stage."""
        return tuple(math.ceil(row.depth * self.depth) for row in self.stages)

    @property
    def se_stages(self) -> tuple[int, ...]:
        """The stages of the table, from 1."""
        return tuple(range(1, 1 + len(self.stages)))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The last layers of strides 2 to 32, before the last convolution."""
        names = ["stem"]
        for stage, (row, depth) in enumerate(zip(self.stages, self.depths, strict=True), 1):
            if row.stride == 1:
                names.pop()
            names.append(f"stage{stage}_block{depth}")
        return tuple(names)

    @property
    def released_fields(self) -> dict[Layout, dict]:
        """The SE design; for keras.applications padding, epsilon and pixels (timm has both).

        None for networks without SE: timm's lite ones have the same tensors and compute otherwise.
        """
        if self.se is None:
            return {}
        is_mnasnet = self._is_first and self.se.stages in timm.MNASNET_SE_STAGES
        activation = "relu" if is_mnasnet else "silu"
        design = {"activation": activation, "se": native(activation=activation)}
        theirs = design | {"padding": "same", "epsilon": 1e-3}
        if self._is_first:
            return {
                timm.EFFICIENTNET: design,
                keras_applications.EFFICIENTNET: theirs | {"preprocessing": IMAGENET},
            }
        return {
            timm.EFFICIENTNET_V2: design,
            keras_applications.EFFICIENTNET_V2: theirs | {"preprocessing": MIDDLE},
            keras_applications.EFFICIENTNET_V2_B: theirs | {"preprocessing": IMAGENET},
        }

    @property
    def _is_first(self):
        """Whether it is of the first version, whose blocks are all inverted residuals."""
        return all(row.block == "inverted" for row in self.stages)

    def backbone(self, x: keras.KerasTensor) -> Iterator[keras.KerasTensor]:
        """Stem, stages, a last 1x1: `(N, H, W, 3)` to `(N, H / 32, W / 32, C)`."""
        x = self._conv(x, self._scaled(self.stem), 3, "stem_conv", stride=2, last="stem")
        units = sum(self.depths)
        drop_rates = iter(self._drop_rates(units, last=units))
        for stage, (row, depth) in enumerate(zip(self.stages, self.depths, strict=True), 1):
            if row.stride == 2:
                yield x
            for index in range(1, depth + 1):
                stride, name = row.stride if index == 1 else 1, f"stage{stage}_block{index}"
                x = self._unit(x, row, stride, stage, name, next(drop_rates))
        yield x
        width = self._scaled(self.head_width) if self.width > 1 else self.head_width
        yield self._conv(x, width, 1, "last_conv", last="last")

    def _unit(self, x, row, stride, stage, name, drop_rate):
        """The branch that the row names, and a shortcut where the shape stays."""
        channels_in, filters = x.shape[-1], self._scaled(row.filters)
        inside = row.expansion * channels_in

        def se(x):
            return squeeze_excite(x, self.se, stage, "3x3", f"{name}_se", channels_in)

        def inverted(x):
            if row.expansion != 1:
                x = self._conv(x, inside, 1, f"{name}_conv1")
            x = depthwise_norm(
                x,
                row.kernel_size,
                f"{name}_conv2",
                stride=stride,
                padding=self.padding,
                epsilon=self.epsilon,
                activation=self.activation,
            )
            return self._conv(se(x), filters, 1, f"{name}_conv3", activation=None)

        def fused(x):
            x = self._conv(x, inside, row.kernel_size, f"{name}_conv1", stride=stride)
            return self._conv(se(x), filters, 1, f"{name}_conv2", activation=None)

        def conv(x):
            return se(self._conv(x, filters, row.kernel_size, f"{name}_conv", stride=stride))

        branch = {"inverted": inverted, "fused": fused, "conv": conv}[row.block]
        if stride > 1 or channels_in != filters:
            return unit_without_sum(x, branch, self.se, stage, name)
        return residual_unit(
            x, branch, lambda x: x, self.se, stage, name, has_relu=False, drop_rate=drop_rate
        )

    def _conv(
        self, x, filters, kernel_size, name, *, stride=1, activation: str | None = "own", last=None
    ):
        return conv_norm(
            x,
            filters,
            kernel_size,
            name,
            stride=stride,
            padding=self.padding,
            epsilon=self.epsilon,
            activation=self.activation if activation == "own" else activation,
            last=last,
        )

    def _scaled(self, filters):
        return multiple_of_8(filters * self.width, self.round_limit)


def multiple_of_8(exact: float, round_limit: float = 0.9) -> int:
    """Channels as the nearest multiple of 8 that leaves that share: `make_divisible` of timm."""
    nearest = max(8, int(exact + 4) // 8 * 8)
    return nearest if nearest >= round_limit * exact else nearest + 8


EfficientNetB0 = EfficientNet(name="efficientnet_b0")
EfficientNetB1 = EfficientNetB0.replace(name="efficientnet_b1", depth=1.1, input_size=240)
EfficientNetB2 = EfficientNetB0.replace(
    name="efficientnet_b2", width=1.1, depth=1.2, input_size=260, dropout=0.3
)
EfficientNetB3 = EfficientNetB0.replace(
    name="efficientnet_b3", width=1.2, depth=1.4, input_size=300, dropout=0.3
)
EfficientNetB4 = EfficientNetB0.replace(
    name="efficientnet_b4", width=1.4, depth=1.8, input_size=380, dropout=0.4
)
EfficientNetB5 = EfficientNetB0.replace(
    name="efficientnet_b5", width=1.6, depth=2.2, input_size=456, dropout=0.4
)
EfficientNetB6 = EfficientNetB0.replace(
    name="efficientnet_b6", width=1.8, depth=2.6, input_size=528, dropout=0.5
)
EfficientNetB7 = EfficientNetB0.replace(
    name="efficientnet_b7", width=2.0, depth=3.1, input_size=600, dropout=0.5
)
# Xie et al., https://arxiv.org/abs/1911.09665 (B8) and https://arxiv.org/abs/1911.04252 (L2).
EfficientNetB8 = EfficientNetB0.replace(
    name="efficientnet_b8", width=2.2, depth=3.6, input_size=672, dropout=0.5
)
EfficientNetL2 = EfficientNetB0.replace(
    name="efficientnet_l2", width=4.3, depth=5.3, input_size=800, dropout=0.5
)
