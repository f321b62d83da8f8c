"""MobileNet v3, large and small, with its native SE."""

import dataclasses
from collections.abc import Iterator

import keras
from keras import layers as keras_layers

from keras_senet import layers
from keras_senet.architectures.architecture import Architecture
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
from keras_senet.weights.preprocessing import INCEPTION, Preprocessing

__all__ = [
    "MobileNetV3",
    "MobileNetV3Large",
    "MobileNetV3Large075",
    "MobileNetV3Large150d",
    "MobileNetV3LargeMinimalistic",
    "MobileNetV3Small",
    "MobileNetV3Small050",
    "MobileNetV3Small075",
    "MobileNetV3SmallMinimalistic",
]


@dataclasses.dataclass(frozen=True)
class Stage:
    """Units of the same output in MobileNet v3.

    Attributes:
        filters: Channels out.
        expansions: Channels inside each unit divided by its input channels.
        kernel_size: Size of the depthwise convolutions.
        stride: Stride of the first unit.
        activation: `"relu"` or `"hard_swish"`.
    """

    filters: int
    expansions: tuple[float, ...]
    kernel_size: int = 3
    stride: int = 1
    activation: str = "hard_swish"

    def __post_init__(self):
        check_numbers(self)


# Tables 1 and 2 of the paper.
LARGE = (
    Stage(16, (1,), activation="relu"),
    Stage(24, (4, 3), stride=2, activation="relu"),
    Stage(40, (3, 3, 3), kernel_size=5, stride=2, activation="relu"),
    Stage(80, (6, 2.5, 2.3, 2.3), stride=2),
    Stage(112, (6, 6)),
    Stage(160, (6, 6, 6), kernel_size=5, stride=2),
)
SMALL = (
    Stage(16, (1,), stride=2, activation="relu"),
    Stage(24, (72 / 16, 88 / 24), stride=2, activation="relu"),
    Stage(40, (4, 6, 6), kernel_size=5, stride=2),
    Stage(48, (3, 3), kernel_size=5),
    Stage(96, (6, 6, 6), kernel_size=5, stride=2),
)
# timm's mobilenetv3_large_150d: LARGE with 1.5 times the channels and 1.2 times the units.
LARGE_150D = (
    Stage(24, (1, 1), activation="relu"),
    Stage(40, (4, 3, 3), stride=2, activation="relu"),
    Stage(64, (3, 3, 3, 3), kernel_size=5, stride=2, activation="relu"),
    Stage(120, (6, 2.5, 2.5, 2.3, 2.3), stride=2),
    Stage(168, (6, 6, 6)),
    Stage(240, (6, 6, 6, 6), kernel_size=5, stride=2),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MobileNetV3(Architecture):
    """Inverted residual units with SE, gated by a hard sigmoid, after the depthwise convolution.

    The defaults are TensorFlow's networks, `tf_mobilenetv3_large_100` in timm. Those that timm
    trained itself, `mobilenetv3_large_100`, are
    `.replace(padding="torch", epsilon=1e-5, preprocessing=IMAGENET)`.

    `stochastic_depth` is timm's `drop_path_rate`: unit i of n, from 0, has `i / (n + 1)` of it.

    Attributes:
        stages: The table of the network, `LARGE` or `SMALL`.
        head_width: Channels between pooling and classifier.
        activation: Activation of the stem, the last convolution and the head.
        alpha: Width multiplier of the stages.
        stem: Channels of the first convolution.
        last_depth: Number of 1x1 convolutions after the stages.
        padding: TensorFlow's `"same"`, or `"torch"` (`kernel_size // 2` on all sides).
        epsilon: Added to the variance in normalizations.

    Reference:
        Howard et al., https://arxiv.org/abs/1905.02244, tables 1 and 2.
    """

    stages: tuple[Stage, ...]
    head_width: int
    activation: str = "hard_swish"
    alpha: float = 1.0
    stem: int = 16
    last_depth: int = 1
    padding: str = "same"
    epsilon: float = 1e-3
    dropout: float = 0.2
    preprocessing: Preprocessing = INCEPTION

    def __post_init__(self):
        check_stages(self.stages, Stage)
        super().__post_init__()

    @property
    def depths(self) -> tuple[int, ...]:
        """Units in each stage."""
        return tuple(len(row.expansions) for row in self.stages)

    @property
    def se_stages(self) -> tuple[int, ...]:
        """The stages of inverted residual units, from 1."""
        return tuple(range(1, 1 + len(self.stages)))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The last layers of strides 2 to 32."""
        names = ["stem"]
        for stage, row in enumerate(self.stages, 1):
            if row.stride == 1:
                names.pop()
            names.append(f"stage{stage}_block{len(row.expansions)}")
        return (*names[:-1], f"stage{len(self.stages) + 1}_block{self.last_depth}")

    @property
    def released_fields(self) -> dict[Layout, dict]:
        """The SE design; for keras.applications also padding and epsilon (timm has both kinds)."""
        # The minimalistic networks, which have no SE, have ReLU alone.
        activation = "hard_swish" if self.se is not None else self.activation
        native = {"activation": activation, "se": _native()}
        tensorflow = {"padding": "same", "epsilon": 1e-3, "preprocessing": INCEPTION}
        return {
            timm.MOBILENET_V3: native,
            **dict.fromkeys(keras_applications.MOBILENET_V3, native | tensorflow),
        }

    def backbone(self, x: keras.KerasTensor) -> Iterator[keras.KerasTensor]:
        """Stem, stages, a last 1x1: `(N, H, W, 3)` to `(N, H / 32, W / 32, C)`."""
        x = self._conv(
            x, self.stem, 3, "stem_conv", stride=2, activation=self.activation, last="stem"
        )
        units = sum(self.depths)
        # timm divides by its number of blocks, of which the last convolutions are some.
        drop_rates = iter(self._drop_rates(units, last=units + self.last_depth))
        for stage, row in enumerate(self.stages, 1):
            if row.stride == 2:
                yield x
            for index, expansion in enumerate(row.expansions, 1):
                stride = row.stride if index == 1 else 1
                name = f"stage{stage}_block{index}"
                x = self._unit(x, row, expansion, stride, stage, name, next(drop_rates))
        width = _multiple_of_8(6 * x.shape[-1])
        for index in range(1, self.last_depth + 1):
            last = f"stage{len(self.stages) + 1}_block{index}"
            x = self._conv(x, width, 1, f"{last}_conv", activation=self.activation, last=last)
        yield x

    def _conv(self, x, filters, kernel_size, name, *, stride=1, activation=None, last=None):
        return conv_norm(
            x,
            filters,
            kernel_size,
            name,
            stride=stride,
            padding=self.padding,
            epsilon=self.epsilon,
            activation=activation,
            last=last,
        )

    def _unit(self, x, row, expansion, stride, stage, name, drop_rate):
        """1x1 unless the unit is as wide as its input, depthwise, SE, 1x1, shortcut."""
        channels_in, filters = x.shape[-1], _multiple_of_8(row.filters * self.alpha)

        def branch(x):
            if expansion != 1:
                width = _multiple_of_8(x.shape[-1] * expansion)
                x = self._conv(x, width, 1, f"{name}_conv1", activation=row.activation)
            x = depthwise_norm(
                x,
                row.kernel_size,
                f"{name}_conv2",
                stride=stride,
                padding=self.padding,
                epsilon=self.epsilon,
                activation=row.activation,
            )
            x = squeeze_excite(x, self.se, stage, "3x3", f"{name}_se", channels_in)
            return self._conv(x, filters, 1, f"{name}_conv3")

        if stride == 1 and channels_in == filters:
            return residual_unit(
                x,
                branch,
                lambda x: x,
                self.se,
                stage,
                name,
                has_relu=False,
                drop_rate=drop_rate,
            )
        return unit_without_sum(x, branch, self.se, stage, name)

    def _head(self, x, classes, activation):
        # All in float32 under a half-precision policy, as in the other networks.
        x = keras_layers.GlobalAveragePooling2D(keepdims=True, dtype="float32", name="head_pool")(x)
        width = self.head_width
        if self.alpha > 1:
            width = _multiple_of_8(width * self.alpha)
        x = keras_layers.Conv2D(
            width, 1, kernel_initializer=layers.HeNormal(), dtype="float32", name="head_conv"
        )(x)
        x = keras_layers.Activation(self.activation, dtype="float32", name="head_activation")(x)
        x = keras_layers.Flatten(dtype="float32", name="head_flatten")(x)
        if self.dropout:
            x = keras_layers.Dropout(self.dropout, dtype="float32", name="head_dropout")(x)
        return keras_layers.Dense(classes, activation=activation, dtype="float32", name="head")(x)


def _multiple_of_8(width):
    """The nearest multiple of 8, not below 90 % of `width`: slim's rule for all of MobileNet."""
    nearest = max(8, int(width + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * width else nearest + 8


def _native(*stages):
    """SE of MobileNet v3: after the depthwise convolution, at a quarter of its channels."""
    return SEConfig(
        reduction=4,
        divisor=8,
        round_limit=0.9,
        gate="hard_sigmoid",
        placement="3x3",
        stages=stages,
    )


def _minimalistic(stages):
    """3x3 convolutions and ReLU only, for hardware that has nothing else."""
    return tuple(dataclasses.replace(row, kernel_size=3, activation="relu") for row in stages)


MobileNetV3Large = MobileNetV3(
    name="mobilenet_v3_large", stages=LARGE, head_width=1280, se=_native(3, 5, 6)
)
MobileNetV3Small = MobileNetV3(
    name="mobilenet_v3_small", stages=SMALL, head_width=1024, se=_native(1, 3, 4, 5)
)
MobileNetV3Large075 = MobileNetV3Large.replace(name="mobilenet_v3_large075", alpha=0.75)
MobileNetV3Small075 = MobileNetV3Small.replace(name="mobilenet_v3_small075", alpha=0.75)
MobileNetV3Small050 = MobileNetV3Small.replace(name="mobilenet_v3_small050", alpha=0.5)
MobileNetV3Large150d = MobileNetV3Large.replace(
    name="mobilenet_v3_large150d", stages=LARGE_150D, stem=24, last_depth=2, input_size=256
)
MobileNetV3LargeMinimalistic = MobileNetV3Large.replace(
    name="mobilenet_v3_large_minimalistic",
    stages=_minimalistic(LARGE),
    activation="relu",
    se=None,
)
MobileNetV3SmallMinimalistic = MobileNetV3Small.replace(
    name="mobilenet_v3_small_minimalistic",
    stages=_minimalistic(SMALL),
    activation="relu",
    se=None,
)
