"""ShuffleNet v1 and v2, with and without SE."""

import dataclasses
from collections.abc import Iterator

import keras
from keras import layers as keras_layers
from keras import ops

from keras_senet.architectures.architecture import Architecture
from keras_senet.architectures.blocks import (
    activate,
    conv_norm,
    depthwise_norm,
    has_se,
    max_pool,
    residual_unit,
    squeeze_excite,
)
from keras_senet.layers import ChannelShuffle
from keras_senet.weights.layouts import pytorchcv
from keras_senet.weights.layouts.layout import Layout

__all__ = [
    "SEShuffleNet",
    "SEShuffleNetG1",
    "SEShuffleNetG2",
    "SEShuffleNetG4",
    "SEShuffleNetG8",
    "SEShuffleNetV2x05",
    "SEShuffleNetV2x10",
    "SEShuffleNetV2x15",
    "SEShuffleNetV2x20",
    "ShuffleNet",
    "ShuffleNetG1",
    "ShuffleNetG2",
    "ShuffleNetG4",
    "ShuffleNetG8",
    "ShuffleNetV1",
    "ShuffleNetV2",
    "ShuffleNetV2x05",
    "ShuffleNetV2x10",
    "ShuffleNetV2x15",
    "ShuffleNetV2x20",
]

DEPTHS = (4, 8, 4)  # units in stages 2 to 4
STEM_FILTERS = 24
# Channels of stage 2 at scale 1 by the number of groups, about the same cost for each.
FILTERS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShuffleNetV1(Architecture):
    """Units of a grouped 1x1, a depthwise 3x3 and a grouped 1x1 convolution.

    Attributes:
        groups: Groups of the 1x1 convolutions: 1, 2, 3, 4 or 8.
        scale: Factor on all widths: "0.5x", "2x" of the paper.
        depths: Units in stages 2 to 4.

    Reference:
        Zhang et al., https://arxiv.org/abs/1707.01083, table 1; SE:
        https://arxiv.org/abs/1709.01507, table 3. SE is on the branch of every unit, before sum
        or concatenation.
    """

    groups: int = 3
    scale: float = 1.0
    depths: tuple[int, int, int] = DEPTHS

    def __post_init__(self):
        super().__post_init__()
        if self.groups not in FILTERS:
            raise ValueError(
                f"Field `groups` must be one of {tuple(FILTERS)}. Received: {self.groups!r}"
            )
        first = self._filters(2)
        if first // 4 % self.groups or (first - self._stem) % self.groups:
            raise ValueError(
                f"Field `scale` must leave widths that are multiples of groups={self.groups}. "
                f"Received: scale={self.scale}, which makes stage 2 {first} channels wide. Its "
                f"bottlenecks have {first // 4}."
            )

    @property
    def _stem(self):
        return int(STEM_FILTERS * self.scale)

    def _filters(self, stage):
        return int(FILTERS[self.groups] * 2 ** (stage - 2) * self.scale)

    @property
    def se_stages(self) -> tuple[int, ...]:
        """Stages 2 to 4."""
        return tuple(range(2, 2 + len(self.depths)))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The stem, its pooling, the last units of stages 2 to 4 (strides 2 to 32)."""
        lasts = (f"stage{stage}_block{depth}" for stage, depth in enumerate(self.depths, 2))
        return ("stem", "stem_pool", *lasts)

    @property
    def released_fields(self) -> dict[Layout, dict]:
        """Weights of pytorchcv; no field is open."""
        return {pytorchcv.SHUFFLENET: {}}

    def backbone(self, x: keras.KerasTensor) -> Iterator[keras.KerasTensor]:
        """Stem and three stages: `(N, H, W, 3)` to `(N, H / 32, W / 32, C)`."""
        x = conv_norm(x, self._stem, 3, "stem_conv", stride=2, last="stem")
        yield x
        x = max_pool(x, "pad", "stem_pool")
        yield x
        drop_rates = iter(self._drop_rates(sum(self.depths)))
        for stage, depth in enumerate(self.depths, 2):
            for index in range(1, depth + 1):
                x = self._unit(x, self._filters(stage), stage, index, next(drop_rates))
            yield x

    def _unit(self, x, filters, stage, index, drop_rate):
        """Grouped 1x1, shuffle, depthwise 3x3, grouped 1x1, SE; sum, or concatenation."""
        name, strided, channels_in = f"stage{stage}_block{index}", index == 1, x.shape[-1]
        # The very first 1x1 has too few channels for groups (section 3.2).
        groups = 1 if stage == 2 and strided else self.groups
        width = filters - channels_in if strided else filters

        def branch(x):
            x = conv_norm(x, filters // 4, 1, f"{name}_conv1", groups=groups)
            x = ChannelShuffle(self.groups, name=f"{name}_shuffle")(x)
            stride = 2 if strided else 1
            x = depthwise_norm(x, 3, f"{name}_conv2", stride=stride, activation=None)
            x = squeeze_excite(x, self.se, stage, "3x3", f"{name}_se", channels_in)
            return conv_norm(x, width, 1, f"{name}_conv3", groups=self.groups, activation=None)

        if not strided:
            return residual_unit(x, branch, lambda x: x, self.se, stage, name, drop_rate=drop_rate)
        return self._concatenated(x, branch, stage, name)

    def _concatenated(self, x, branch, stage, name):
        """The unit of stride 2: branch and average-pooled input (not negative), concatenated."""
        channels_in = x.shape[-1]
        shortcut = keras_layers.ZeroPadding2D(1, name=f"{name}_pool_pad")(x)
        shortcut = keras_layers.AveragePooling2D(3, 2, name=f"{name}_pool")(shortcut)
        y = branch(squeeze_excite(x, self.se, stage, "pre", f"{name}_se", channels_in))
        y = squeeze_excite(y, self.se, stage, "standard", f"{name}_se", channels_in)
        # ReLU of the concatenation, taken where mobile runtimes fuse it into the convolution.
        y = activate(y, "relu", f"{name}_relu")
        if has_se(self.se, stage, "identity"):
            shortcut = squeeze_excite(
                shortcut, self.se, stage, "identity", f"{name}_se", channels_in
            )
            shortcut = activate(shortcut, "relu", f"{name}_pool_relu")  # a gate may be negative
        return _joined(y, shortcut, self.se, stage, name, channels_in)


def _joined(first, second, se, stage, name, channels_in):
    """Concatenation, and SE after it at the placement `"post"`."""
    last = f"{name}_concat" if has_se(se, stage, "post") else name
    x = keras_layers.Concatenate(name=last)([first, second])
    return squeeze_excite(x, se, stage, "post", name, channels_in)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShuffleNetV2(Architecture):
    """Units that transform half of the channels, then shuffle.

    Attributes:
        filters: Channels of stages 2 to 4 and of the last convolution: a column of table 5.
        stem_pool: `"pad"`, the authors' and torchvision's pooling, or `"ceil"`, pytorchcv's.
        depths: Units in stages 2 to 4.

    Reference:
        Ma et al., https://arxiv.org/abs/1807.11164, table 5. SE is at the end of the branch,
        before the concatenation.
    """

    filters: tuple[int, int, int, int]
    stem_pool: str = "pad"
    depths: tuple[int, int, int] = DEPTHS

    def __post_init__(self):
        super().__post_init__()
        if self.stem_pool not in ("ceil", "pad"):
            raise ValueError(
                f"Field `stem_pool` must be 'ceil' or 'pad'. Received: {self.stem_pool!r}"
            )
        if len(self.filters) != 4 or any(width % 2 for width in self.filters[:3]):
            raise ValueError(
                "Field `filters` must have four numbers, the first three even. Received: "
                f"{self.filters}"
            )

    @property
    def se_stages(self) -> tuple[int, ...]:
        """Stages 2 to 4."""
        return tuple(range(2, 2 + len(self.depths)))

    @property
    def no_sums(self) -> str | None:
        """Units concatenate."""
        return "ShuffleNet v2, whose units concatenate"

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The stem, its pooling, the ends of stages 2 and 3, the last convolution."""
        lasts = (f"stage{stage}_block{depth}" for stage, depth in enumerate(self.depths[:2], 2))
        return ("stem", "stem_pool", *lasts, "last")

    @property
    def released_fields(self) -> dict[Layout, dict]:
        """The stem pooling of pytorchcv."""
        return {pytorchcv.SHUFFLENET_V2: {"stem_pool": "ceil"}}

    def backbone(self, x: keras.KerasTensor) -> Iterator[keras.KerasTensor]:
        """Stem, three stages, a last 1x1: `(N, H, W, 3)` to `(N, H / 32, W / 32, C)`."""
        x = conv_norm(x, STEM_FILTERS, 3, "stem_conv", stride=2, last="stem")
        yield x
        x = max_pool(x, self.stem_pool, "stem_pool")
        yield x
        for stage, depth in enumerate(self.depths, 2):
            for index in range(1, depth + 1):
                x = self._unit(x, self.filters[stage - 2], stage, index)
            if stage < 4:
                yield x
        yield conv_norm(x, self.filters[-1], 1, "last_conv", last="last")

    def _unit(self, x, filters, stage, index):
        """Two branches, SE on the second, concatenation, shuffle."""
        name, strided, channels_in = f"stage{stage}_block{index}", index == 1, x.shape[-1]
        half = filters // 2
        if strided:
            first, second = x, x
            first = depthwise_norm(first, 3, f"{name}_branch1_conv1", stride=2, activation=None)
            first = conv_norm(first, half, 1, f"{name}_branch1_conv2")
        else:
            first, second = ops.split(x, 2, axis=-1)
        first = squeeze_excite(first, self.se, stage, "identity", f"{name}_se", channels_in)
        second = squeeze_excite(second, self.se, stage, "pre", f"{name}_se", channels_in)
        second = conv_norm(second, half, 1, f"{name}_branch2_conv1")
        stride = 2 if strided else 1
        second = depthwise_norm(second, 3, f"{name}_branch2_conv2", stride=stride, activation=None)
        second = squeeze_excite(second, self.se, stage, "3x3", f"{name}_se", channels_in)
        second = conv_norm(second, half, 1, f"{name}_branch2_conv3")
        second = squeeze_excite(second, self.se, stage, "standard", f"{name}_se", channels_in)
        x = keras_layers.Concatenate(name=f"{name}_concat")([first, second])
        last = f"{name}_shuffle" if has_se(self.se, stage, "post") else name
        x = ChannelShuffle(2, name=last)(x)
        return squeeze_excite(x, self.se, stage, "post", name, channels_in)


SEShuffleNet = ShuffleNetV1(name="se_shufflenet")
SEShuffleNetG1 = ShuffleNetV1(name="se_shufflenet_g1", groups=1)
SEShuffleNetG2 = ShuffleNetV1(name="se_shufflenet_g2", groups=2)
SEShuffleNetG4 = ShuffleNetV1(name="se_shufflenet_g4", groups=4)
SEShuffleNetG8 = ShuffleNetV1(name="se_shufflenet_g8", groups=8)
SEShuffleNetV2x05 = ShuffleNetV2(name="se_shufflenet_v2_x05", filters=(48, 96, 192, 1024))
SEShuffleNetV2x10 = ShuffleNetV2(name="se_shufflenet_v2_x10", filters=(116, 232, 464, 1024))
SEShuffleNetV2x15 = ShuffleNetV2(name="se_shufflenet_v2_x15", filters=(176, 352, 704, 1024))
SEShuffleNetV2x20 = ShuffleNetV2(name="se_shufflenet_v2_x20", filters=(244, 488, 976, 2048))

ShuffleNet = SEShuffleNet.replace(name="shufflenet", se=None)
ShuffleNetG1 = SEShuffleNetG1.replace(name="shufflenet_g1", se=None)
ShuffleNetG2 = SEShuffleNetG2.replace(name="shufflenet_g2", se=None)
ShuffleNetG4 = SEShuffleNetG4.replace(name="shufflenet_g4", se=None)
ShuffleNetG8 = SEShuffleNetG8.replace(name="shufflenet_g8", se=None)
ShuffleNetV2x05 = SEShuffleNetV2x05.replace(name="shufflenet_v2_x05", se=None)
ShuffleNetV2x10 = SEShuffleNetV2x10.replace(name="shufflenet_v2_x10", se=None)
ShuffleNetV2x15 = SEShuffleNetV2x15.replace(name="shufflenet_v2_x15", se=None)
ShuffleNetV2x20 = SEShuffleNetV2x20.replace(name="shufflenet_v2_x20", se=None)
