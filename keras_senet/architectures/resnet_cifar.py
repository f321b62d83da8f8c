"""ResNet and Wide ResNet for 32x32 images, with and without SE."""

import dataclasses
from collections.abc import Iterator
from functools import partial

import keras

from keras_senet.architectures.architecture import Architecture
from keras_senet.architectures.blocks import (
    BASIC_3X3,
    activate,
    batch_norm,
    conv,
    conv_norm,
    residual_unit,
    squeeze_excite,
)
from keras_senet.weights.layouts import pytorchcv
from keras_senet.weights.layouts.layout import Layout
from keras_senet.weights.preprocessing import CIFAR, Preprocessing

__all__ = [
    "CifarResNet",
    "PreResNet20",
    "PreResNet56",
    "PreResNet110",
    "PreResNet164",
    "ResNet20",
    "ResNet56",
    "ResNet110",
    "ResNet164",
    "SEPreResNet20",
    "SEPreResNet56",
    "SEPreResNet110",
    "SEPreResNet164",
    "SEResNet20",
    "SEResNet56",
    "SEResNet110",
    "SEResNet164",
    "SEWideResNet16x8",
    "WideResNet16x8",
]

FILTERS = (16, 32, 64)  # of stages 2 to 4, He et al., section 4.2
EXPANSION = 4
BLOCKS = ("basic", "bottleneck", "preactivation", "preactivation_bottleneck")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CifarResNet(Architecture):
    """Residual networks of three stages at strides 1, 2 and 4.

    Attributes:
        depths: Blocks in stages 2 to 4.
        block: `"basic"` (3x3, 3x3) or `"bottleneck"` (1x1, 3x3, 1x1); `"preactivation"` (Wide
            ResNet) and `"preactivation_bottleneck"` are the same with normalization and ReLU in
            front of the convolutions.
        widen: Factor on the filters 16, 32, 64 of the stages (k of Wide ResNet).

    Raises:
        ValueError: If a field is none of these.

    Reference:
        He et al., https://arxiv.org/abs/1512.03385, section 4.2, and
        https://arxiv.org/abs/1603.05027 (preactivation); Zagoruyko and Komodakis,
        https://arxiv.org/abs/1605.07146; SE: https://arxiv.org/abs/1709.01507, tables 4 and 5.
    """

    depths: tuple[int, int, int]
    block: str = "basic"
    widen: int = 1
    input_size: int = 32
    classes: int = 10
    preprocessing: Preprocessing = CIFAR

    def __post_init__(self):
        super().__post_init__()
        if self.block not in BLOCKS:
            raise ValueError(f"Field `block` must be one of {BLOCKS}. Received: {self.block!r}")
        if len(self.depths) != len(FILTERS):
            raise ValueError(f"Field `depths` must have three numbers. Received: {self.depths}")

    @property
    def se_stages(self) -> tuple[int, ...]:
        """The three stages, 2 to 4."""
        return tuple(range(2, 2 + len(self.depths)))

    @property
    def undefined_placements(self) -> dict[str, str]:
        """Basic blocks have no place directly after "the" 3x3 convolution."""
        return {} if "bottleneck" in self.block else {"3x3": BASIC_3X3}

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The last blocks of stages 2 to 4 (strides 1, 2 and 4)."""
        return tuple(f"stage{stage}_block{depth}" for stage, depth in enumerate(self.depths, 2))

    @property
    def feature_strides(self) -> tuple[int, ...]:
        """1, 2 and 4."""
        return tuple(2**level for level in range(len(self.depths)))

    @property
    def released_fields(self) -> dict[Layout, dict]:
        """Weights of pytorchcv; no field is open."""
        preactivation = self.block.startswith("preactivation")
        return {pytorchcv.CIFAR_PREACTIVATION if preactivation else pytorchcv.CIFAR_RESNET: {}}

    def backbone(self, x: keras.KerasTensor) -> Iterator[keras.KerasTensor]:
        """Stem and three stages: `(N, H, W, 3)` to `(N, H / 4, W / 4, C)`."""
        preactivation = self.block.startswith("preactivation")
        if preactivation:
            x = conv(x, FILTERS[0], 3, "stem_conv")
        else:
            x = conv_norm(x, FILTERS[0], 3, "stem_conv", last="stem")
        block = getattr(self, f"_{self.block}")
        drop_rates = iter(self._drop_rates(sum(self.depths)))
        for stage, (depth, filters) in enumerate(zip(self.depths, FILTERS, strict=True), 2):
            for index in range(1, depth + 1):
                stride = 2 if index == 1 and stage > 2 else 1
                name = f"stage{stage}_block{index}"
                x = block(x, filters * self.widen, stride, stage, name, next(drop_rates))
            yield x
        if preactivation:
            yield activate(batch_norm(x, "last_bn"), "relu", "last_relu")

    def _basic(self, x, filters, stride, stage, name, drop_rate):
        """3x3, 3x3, SE, shortcut."""

        def branch(x):
            x = conv_norm(x, filters, 3, f"{name}_conv1", stride=stride)
            return conv_norm(x, filters, 3, f"{name}_conv2", activation=None)

        shortcut = partial(_projection, filters, stride, name)
        return residual_unit(x, branch, shortcut, self.se, stage, name, drop_rate=drop_rate)

    def _bottleneck(self, x, filters, stride, stage, name, drop_rate):
        """1x1, 3x3, 1x1, SE, shortcut."""
        channels_in, out = x.shape[-1], filters * EXPANSION

        def branch(x):
            x = conv_norm(x, filters, 1, f"{name}_conv1")
            x = conv_norm(x, filters, 3, f"{name}_conv2", stride=stride)
            x = squeeze_excite(x, self.se, stage, "3x3", f"{name}_se", channels_in)
            return conv_norm(x, out, 1, f"{name}_conv3", activation=None)

        shortcut = partial(_projection, out, stride, name)
        return residual_unit(x, branch, shortcut, self.se, stage, name, drop_rate=drop_rate)

    def _preactivation(self, x, filters, stride, stage, name, drop_rate):
        """BN, ReLU, 3x3, BN, ReLU, 3x3, SE, shortcut."""

        def branch(x):
            x = conv(x, filters, 3, f"{name}_conv1", stride=stride)
            x = activate(batch_norm(x, f"{name}_bn2"), "relu", f"{name}_relu2")
            return conv(x, filters, 3, f"{name}_conv2")

        return self._preactivated(x, branch, filters, stride, stage, name, drop_rate)

    def _preactivation_bottleneck(self, x, filters, stride, stage, name, drop_rate):
        """BN, ReLU, 1x1, BN, ReLU, 3x3, BN, ReLU, 1x1, SE, shortcut."""
        channels_in, out = x.shape[-1], filters * EXPANSION

        def branch(x):
            x = conv(x, filters, 1, f"{name}_conv1")
            x = activate(batch_norm(x, f"{name}_bn2"), "relu", f"{name}_relu2")
            x = conv(x, filters, 3, f"{name}_conv2", stride=stride)
            x = squeeze_excite(x, self.se, stage, "3x3", f"{name}_se", channels_in)
            x = activate(batch_norm(x, f"{name}_bn3"), "relu", f"{name}_relu3")
            return conv(x, out, 1, f"{name}_conv3")

        return self._preactivated(x, branch, out, stride, stage, name, drop_rate)

    def _preactivated(self, x, branch, filters, stride, stage, name, drop_rate):
        """BN, ReLU, branch, SE, shortcut; a projection reads the activated input."""
        projected = stride > 1 or x.shape[-1] != filters
        activated = activate(batch_norm(x, f"{name}_bn1"), "relu", f"{name}_relu1")

        def shortcut(activated):
            if projected:
                return conv(activated, filters, 1, f"{name}_shortcut", stride=stride)
            return x

        return residual_unit(
            activated,
            branch,
            shortcut,
            self.se,
            stage,
            name,
            has_relu=False,
            drop_rate=drop_rate,
        )


def _projection(filters, stride, name, x):
    """Identity, or a projection where the shape changes."""
    if stride == 1 and x.shape[-1] == filters:
        return x
    return conv_norm(x, filters, 1, f"{name}_shortcut", stride=stride, activation=None)


SEResNet20 = CifarResNet(name="se_resnet20", depths=(3, 3, 3))
SEResNet56 = CifarResNet(name="se_resnet56", depths=(9, 9, 9))
SEResNet110 = CifarResNet(name="se_resnet110", depths=(18, 18, 18))
SEResNet164 = CifarResNet(name="se_resnet164", depths=(18, 18, 18), block="bottleneck")
SEPreResNet20 = CifarResNet(name="se_preresnet20", depths=(3, 3, 3), block="preactivation")
SEPreResNet56 = CifarResNet(name="se_preresnet56", depths=(9, 9, 9), block="preactivation")
SEPreResNet110 = CifarResNet(name="se_preresnet110", depths=(18, 18, 18), block="preactivation")
SEPreResNet164 = CifarResNet(
    name="se_preresnet164", depths=(18, 18, 18), block="preactivation_bottleneck"
)
SEWideResNet16x8 = CifarResNet(
    name="se_wide_resnet16x8", depths=(2, 2, 2), block="preactivation", widen=8
)

ResNet20 = SEResNet20.replace(name="resnet20", se=None)
ResNet56 = SEResNet56.replace(name="resnet56", se=None)
ResNet110 = SEResNet110.replace(name="resnet110", se=None)
ResNet164 = SEResNet164.replace(name="resnet164", se=None)
PreResNet20 = SEPreResNet20.replace(name="preresnet20", se=None)
PreResNet56 = SEPreResNet56.replace(name="preresnet56", se=None)
PreResNet110 = SEPreResNet110.replace(name="preresnet110", se=None)
PreResNet164 = SEPreResNet164.replace(name="preresnet164", se=None)
WideResNet16x8 = SEWideResNet16x8.replace(name="wide_resnet16x8", se=None)
