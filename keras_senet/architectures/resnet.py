"""ResNet, ResNeXt and SENet-154 for photographs, with and without SE."""

import dataclasses
import math
from collections.abc import Iterator
from functools import partial

import keras
from keras import layers as keras_layers

from keras_senet.architectures.attention_config import ECAConfig, ESEConfig
from keras_senet.architectures.blocks import (
    BASIC_3X3,
    average_pool,
    conv_norm,
    max_pool,
    residual_unit,
    squeeze_excite,
)
from keras_senet.architectures.dilated import Dilated
from keras_senet.architectures.se_config import SEConfig
from keras_senet.weights.layouts import caffe, keras_applications, timm
from keras_senet.weights.layouts.layout import Layout
from keras_senet.weights.preprocessing import CAFFE, VGG

__all__ = [
    "PlainSENet154",
    "ResNeXt26",
    "ResNeXt50",
    "ResNeXt101",
    "ResNeXt201",
    "ResNet",
    "ResNet18",
    "ResNet34",
    "ResNet50",
    "ResNet101",
    "ResNet152",
    "SENet154",
    "SEResNeXt26",
    "SEResNeXt50",
    "SEResNeXt101",
    "SEResNeXt201",
    "SEResNet18",
    "SEResNet34",
    "SEResNet50",
    "SEResNet101",
    "SEResNet152",
]

FILTERS = (64, 128, 256, 512)  # of stages 2 to 5, He et al., table 1
EXPANSION = 4  # channels out of a bottleneck over its filters
SE_OF_RS = SEConfig(reduction=4, divisor=8)

CHOICES = {
    "block": ("bottleneck", "basic"),
    "stride_in": ("1x1", "3x3", "pool"),
    "stem_pool": ("ceil", "pad", "avg", "conv"),
    "shortcut": ("1x1", "3x3", "pool"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResNet(Dilated):
    """Residual networks of four stages. The defaults are the paper's backbone (Caffe).

    Attributes:
        depths: Blocks in stages 2 to 5.
        block: `"bottleneck"` (1x1, 3x3, 1x1) or `"basic"` (3x3, 3x3).
        groups: Groups of a bottleneck's 3x3 convolution (cardinality of ResNeXt).
        width: Channels of each group in stage 2, doubled from stage to stage.
        stride_in: Which convolution of a stage's first bottleneck has the stride: the first
            `"1x1"` (paper), the `"3x3"` (ResNeXt, SENet-154 and "v1.5"), or none: `"pool"`, a
            2x2 average after the 3x3 (timm's "aa").
        stem: Filters of the stem: one for a 7x7 convolution, three for 3x3 ones.
        stem_pool: `"ceil"`, Caffe's pooling without padding, `"pad"`, PyTorch's by one pixel,
            `"avg"`, a 2x2 average (timm's "aa"), or `"conv"`, a 3x3 convolution (ResNet-RS).
        shortcut: Projection of stages 3 to 5: `"1x1"`, `"3x3"` (SENet-154), or `"pool"`, a 2x2
            average before a 1x1 convolution (ResNet-D).
        halved_reduce: Whether a bottleneck's first 1x1 has half the channels of its 3x3
            (SENet-154).
        relu_before_se: Whether a basic block has ReLU between its last normalization and SE, as in
            timm's `legacy_seresnet18` and `legacy_seresnet34`.

    Raises:
        ValueError: If a field is none of these.

    Reference:
        Hu et al., https://arxiv.org/abs/1709.01507, table 1 and the appendix on SENet-154; Bello
        et al., https://arxiv.org/abs/2103.07579, tables 7 and 9 (ResNet-RS).
    """

    depths: tuple[int, int, int, int]
    block: str = "bottleneck"
    groups: int = 1
    width: int = 64
    stride_in: str = "1x1"
    stem: tuple[int, ...] = (64,)
    stem_pool: str = "ceil"
    shortcut: str = "1x1"
    halved_reduce: bool = False
    relu_before_se: bool = False

    def __post_init__(self):
        super().__post_init__()
        for field, choices in CHOICES.items():
            if getattr(self, field) not in choices:
                raise ValueError(
                    f"Field `{field}` must be one of {choices}. Received: {getattr(self, field)!r}"
                )
        if len(self.depths) != len(FILTERS) or len(self.stem) not in (1, 3):
            raise ValueError(
                "Field `depths` must have four numbers and `stem` one or three. Received: "
                f"depths={self.depths}, stem={self.stem}"
            )

    @property
    def se_stages(self) -> tuple[int, ...]:
        """The four stages, 2 to 5."""
        return tuple(range(2, 2 + len(self.depths)))

    @property
    def undefined_placements(self) -> dict[str, str]:
        """Basic blocks have no place directly after "the" 3x3 convolution."""
        return {"3x3": BASIC_3X3} if self.block == "basic" else {}

    @property
    def idle_fields(self) -> tuple[str, ...]:
        """Fields of bottlenecks in a network of basic blocks, and the other way round."""
        if self.block == "bottleneck":
            return ("relu_before_se",)
        return ("groups", "width", "stride_in", "halved_reduce")

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The stem (stride 2) and the last blocks of stages 2 to 5 (strides 4 to 32)."""
        lasts = (f"stage{stage}_block{depth}" for stage, depth in enumerate(self.depths, 2))
        return ("stem", *lasts)

    def _sides(self, side):
        stem = math.ceil(side / 2)
        is_up = self.stem_pool in ("pad", "conv")  # Caffe's pooling and a 2x2 average round down
        pooled = math.ceil(stem / 2) if is_up else stem // 2
        return [stem, *(math.ceil(pooled / (stride // 4)) for stride in self.feature_strides[1:])]

    @property
    def released_fields(self) -> dict[Layout, dict]:
        """Stem pooling, stride, ReLU before SE; timm's "aa" networks keep their own."""
        if self.stem_pool == "conv":
            return {timm.RESNET_RS: {"se": SE_OF_RS, "stride_in": "3x3"}}
        kinds = (ECAConfig, ESEConfig)  # which timm has beside SE
        design = type(self.se)() if isinstance(self.se, kinds) else SEConfig(divisor=8)
        released_by_timm = {"se": design}
        if self.stride_in != "pool":
            released_by_timm |= {"stem_pool": "pad", "stride_in": "3x3", "relu_before_se": False}
        released_in_caffe = {
            "stem_pool": "ceil",
            "stride_in": "3x3" if self.groups > 1 else "1x1",
            "relu_before_se": False,
        }
        return {
            timm.RESNET_D if self.shortcut == "pool" else timm.RESNET: released_by_timm,
            timm.LEGACY_RESNET: {**released_in_caffe, "relu_before_se": self.block == "basic"},
            caffe.RESNET: {**released_in_caffe, "preprocessing": CAFFE},
            keras_applications.RESNET: {
                "stem_pool": "pad",
                "stride_in": "1x1",
                "shortcut": "1x1",
                "preprocessing": VGG,
            },
        }

    @property
    def variants(self) -> dict[Layout, str]:
        """ResNet-D, ResNet-RS and the network without either's changes."""
        stem = "stem=(32, 32, 64)"
        return {
            timm.RESNET: 'shortcut="1x1", stem=(64,)',
            timm.RESNET_D: f'shortcut="pool", {stem}, or (24, 32, 64) where timm says 26t or 50t',
            timm.RESNET_RS: f'shortcut="pool", stem_pool="conv", {stem}',
        }

    def backbone(self, x: keras.KerasTensor) -> Iterator[keras.KerasTensor]:
        """Stem, pooling, four stages: `(N, H, W, 3)` to `(N, H / 32, W / 32, C)`."""
        x = self._stem(x)
        yield x
        if self.stem_pool == "conv":
            x = conv_norm(x, x.shape[-1], 3, "stem_pool_conv", stride=2, last="stem_pool")
        elif self.stem_pool == "avg":
            x = keras_layers.AveragePooling2D(2, name="stem_pool")(x)
        else:
            x = max_pool(x, self.stem_pool, "stem_pool")
        block = self._bottleneck if self.block == "bottleneck" else self._basic
        drop_rates = iter(self._drop_rates(sum(self.depths)))
        stages = zip(self.depths, FILTERS, self._scales(4, (1, 2, 2, 2)), strict=True)
        for stage, (depth, filters, scale) in enumerate(stages, 2):
            for index in range(1, depth + 1):
                name = f"stage{stage}_block{index}"
                x = block(x, filters, scale.unit(index), stage, name, next(drop_rates))
            yield x

    def _stem(self, x):
        if len(self.stem) == 1:
            return conv_norm(x, self.stem[0], 7, "stem_conv", stride=2, last="stem")
        x = conv_norm(x, self.stem[0], 3, "stem_conv1", stride=2)
        x = conv_norm(x, self.stem[1], 3, "stem_conv2")
        return conv_norm(x, self.stem[2], 3, "stem_conv3", last="stem")

    def _bottleneck(self, x, filters, scale, stage, name, drop_rate):
        """1x1, 3x3, 1x1, SE, shortcut."""
        width = filters * self.width // FILTERS[0] * self.groups
        channels_in, out = x.shape[-1], filters * EXPANSION
        stride1, stride2, pooled = (
            scale.stride if self.stride_in == place else 1 for place in ("1x1", "3x3", "pool")
        )
        inner = {"stride": stride2, "dilation": scale.first, "groups": self.groups}

        def branch(x):
            reduced = width // 2 if self.halved_reduce else width
            x = conv_norm(x, reduced, 1, f"{name}_conv1", stride=stride1)
            x = conv_norm(x, width, 3, f"{name}_conv2", **inner)
            if pooled > 1:
                x = average_pool(x, pooled, f"{name}_pool")
            x = squeeze_excite(x, self.se, stage, "3x3", f"{name}_se", channels_in)
            return conv_norm(x, out, 1, f"{name}_conv3", activation=None)

        shortcut = partial(self._shortcut, out, scale, name)
        return residual_unit(x, branch, shortcut, self.se, stage, name, drop_rate=drop_rate)

    def _basic(self, x, filters, scale, stage, name, drop_rate):
        """3x3, 3x3, SE, shortcut."""
        first = {"stride": scale.stride, "dilation": scale.first}
        second = {
            "dilation": scale.dilation,
            "activation": "relu" if self.relu_before_se else None,
        }

        def branch(x):
            x = conv_norm(x, filters, 3, f"{name}_conv1", **first)
            return conv_norm(x, filters, 3, f"{name}_conv2", **second)

        shortcut = partial(self._shortcut, filters, scale, name)
        return residual_unit(x, branch, shortcut, self.se, stage, name, drop_rate=drop_rate)

    def _shortcut(self, filters, scale, name, x):
        """Identity, or a projection where the shape changes."""
        name, stride = f"{name}_shortcut", scale.stride
        if stride == 1 and x.shape[-1] == filters:
            return x
        is_first_stage = stride == scale.dilation == 1
        if self.shortcut == "3x3" and not is_first_stage:
            inner = {"stride": stride, "dilation": scale.first}
            return conv_norm(x, filters, 3, name, **inner, activation=None)
        if self.shortcut == "pool" and not is_first_stage:
            x, stride = average_pool(x, stride, f"{name}_pool"), 1
        return conv_norm(x, filters, 1, name, stride=stride, activation=None)


SEResNet18 = ResNet(name="se_resnet18", depths=(2, 2, 2, 2), block="basic")
SEResNet34 = ResNet(name="se_resnet34", depths=(3, 4, 6, 3), block="basic")
SEResNet50 = ResNet(name="se_resnet50", depths=(3, 4, 6, 3))
SEResNet101 = ResNet(name="se_resnet101", depths=(3, 4, 23, 3))
SEResNet152 = ResNet(name="se_resnet152", depths=(3, 8, 36, 3))
SEResNeXt26 = ResNet(name="se_resnext26", depths=(2, 2, 2, 2), groups=32, width=4, stride_in="3x3")
SEResNeXt50 = ResNet(name="se_resnext50", depths=(3, 4, 6, 3), groups=32, width=4, stride_in="3x3")
SEResNeXt101 = ResNet(
    name="se_resnext101", depths=(3, 4, 23, 3), groups=32, width=4, stride_in="3x3"
)
# The largest of timm's, seresnextaa201d_32x8d: a ResNet-D that averages where others have a stride.
SEResNeXt201 = ResNet(
    name="se_resnext201",
    depths=(3, 24, 36, 4),
    groups=32,
    width=8,
    stride_in="pool",
    stem=(64, 64, 128),
    stem_pool="avg",
    shortcut="pool",
)
SENet154 = ResNet(
    name="senet154",
    depths=(3, 8, 36, 3),
    groups=64,
    width=4,
    stride_in="3x3",
    stem=(64, 64, 128),
    shortcut="3x3",
    halved_reduce=True,
    dropout=0.2,
)

ResNet18 = SEResNet18.replace(name="resnet18", se=None)
ResNet34 = SEResNet34.replace(name="resnet34", se=None)
ResNet50 = SEResNet50.replace(name="resnet50", se=None)
ResNet101 = SEResNet101.replace(name="resnet101", se=None)
ResNet152 = SEResNet152.replace(name="resnet152", se=None)
ResNeXt26 = SEResNeXt26.replace(name="resnext26", se=None)
ResNeXt50 = SEResNeXt50.replace(name="resnext50", se=None)
ResNeXt101 = SEResNeXt101.replace(name="resnext101", se=None)
ResNeXt201 = SEResNeXt201.replace(name="resnext201", se=None)
PlainSENet154 = SENet154.replace(name="plain_senet154", se=None)
