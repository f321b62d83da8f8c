"""BN-Inception, with and without SE."""

import dataclasses
import math
from collections.abc import Iterator

import keras
from keras import layers as keras_layers

from keras_senet.architectures.architecture import Architecture
from keras_senet.architectures.blocks import conv_norm, max_pool, plain_unit
from keras_senet.weights.layouts import caffe, pytorchcv
from keras_senet.weights.layouts.layout import Layout
from keras_senet.weights.preprocessing import CAFFE

__all__ = ["BNInception", "Inception", "SEBNInception"]


@dataclasses.dataclass(frozen=True)
class Module:
    """One Inception module of BN-Inception.

    Attributes:
        conv1x1: Filters of the 1x1 branch; 0: the module has none, and stride 2.
        conv3x3: Filters of the 1x1 and the 3x3 of the second branch.
        double3x3: Filters of the 1x1 and of both 3x3 of the third branch.
        pool: 3x3 pooling of the fourth branch, `"avg"` or `"max"`.
        projection: Filters of the 1x1 after the pooling; 0: none.
    """

    conv1x1: int
    conv3x3: tuple[int, int]
    double3x3: tuple[int, int]
    pool: str
    projection: int


MODULES = (
    (  # stage 3: inception_3a and 3b of the Caffe model
        Module(64, (64, 64), (64, 96), "avg", 32),
        Module(64, (64, 96), (64, 96), "avg", 64),
    ),
    (  # stage 4: 3c, and 4a to 4d
        Module(0, (128, 160), (64, 96), "max", 0),
        Module(224, (64, 96), (96, 128), "avg", 128),
        Module(192, (96, 128), (96, 128), "avg", 128),
        Module(160, (128, 160), (128, 160), "avg", 128),
        Module(96, (128, 192), (160, 192), "avg", 128),
    ),
    (  # stage 5: 4e, 5a and 5b
        Module(0, (128, 192), (192, 256), "max", 0),
        Module(352, (192, 320), (160, 224), "avg", 128),
        Module(352, (192, 320), (192, 224), "max", 128),
    ),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inception(Architecture):
    """Inception modules with batch normalization, SE on their concatenations.

    Attributes:
        modules: Modules of stages 3 to 5, a stage for each resolution: the first module of stages
            4 and 5 has stride 2.
        conv_bias: Whether convolutions have biases, as pytorchcv's `bninception`; the authors'
            SE-BN-Inception has none.

    Reference:
        Ioffe and Szegedy, https://arxiv.org/abs/1502.03167, figure 5; with SE the authors' Caffe
        model, https://github.com/hujie-frank/SENet.
    """

    modules: tuple[tuple[Module, ...], ...] = MODULES
    conv_bias: bool = False

    @property
    def depths(self) -> tuple[int, ...]:
        """Modules in stages 3 to 5."""
        return tuple(map(len, self.modules))

    @property
    def se_stages(self) -> tuple[int, ...]:
        """The stages of modules, from 3."""
        return tuple(range(3, 3 + len(self.modules)))

    @property
    def undefined_placements(self) -> dict[str, str]:
        """The paper's designs of residual units."""
        why = "Inception modules, which have no shortcut and no sum. Use placement 'standard'."
        return {
            "post": why,
            "identity": why,
            "3x3": "Inception modules, which have three 3x3 convolutions in two of four branches. "
            "Use placement 'standard'.",
        }

    @property
    def no_sums(self) -> str | None:
        """Modules concatenate."""
        return "Inception modules, which have no shortcut and no sum"

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The stem (stride 2), stage 2 (stride 4) and the last modules (strides 8 to 32)."""
        lasts = (f"stage{stage}_block{depth}" for stage, depth in enumerate(self.depths, 3))
        return ("stem", "stage2_block1", *lasts)

    def _sides(self, side):
        stem = math.ceil(side / 2)
        third = stem // 2 // 2  # Caffe's pooling rounds down
        return [stem, stem // 2, *(math.ceil(third / 2**i) for i in range(len(self.modules)))]

    @property
    def released_fields(self) -> dict[Layout, dict]:
        """Whether convolutions have biases."""
        return {
            caffe.INCEPTION: {"conv_bias": False, "preprocessing": CAFFE},
            pytorchcv.BN_INCEPTION: {"conv_bias": True},
        }

    def backbone(self, x: keras.KerasTensor) -> Iterator[keras.KerasTensor]:
        """Stem and ten modules: `(N, H, W, 3)` to `(N, H / 32, W / 32, 1024)`."""
        x = self._conv(x, 64, 7, "stem_conv", stride=2, last="stem")
        yield x
        x = max_pool(x, "ceil", "stem_pool")
        x = self._conv(x, 64, 1, "stage2_block1_conv1")
        x = self._conv(x, 192, 3, "stage2_block1_conv2", last="stage2_block1")
        yield x
        x = max_pool(x, "ceil", "stage2_pool")
        for stage, row in enumerate(self.modules, 3):
            for index, module in enumerate(row, 1):
                x = self._module(x, module, stage, f"stage{stage}_block{index}")
            yield x

    def _conv(self, x, filters, kernel_size, name, *, stride=1, last=None):
        return conv_norm(
            x,
            filters,
            kernel_size,
            name,
            stride=stride,
            use_bias=self.conv_bias,
            last=last,
        )

    def _module(self, x, module, stage, name):
        """1x1; 1x1 and 3x3; 1x1 and two 3x3; pooling and 1x1; concatenation, SE."""
        stride = 1 if module.conv1x1 else 2

        def branches(x, last):
            outputs = []
            if module.conv1x1:
                outputs.append(self._conv(x, module.conv1x1, 1, f"{name}_branch1_conv1"))
            reduced, filters = module.conv3x3
            y = self._conv(x, reduced, 1, f"{name}_branch2_conv1")
            outputs.append(self._conv(y, filters, 3, f"{name}_branch2_conv2", stride=stride))
            reduced, filters = module.double3x3
            y = self._conv(x, reduced, 1, f"{name}_branch3_conv1")
            y = self._conv(y, filters, 3, f"{name}_branch3_conv2")
            outputs.append(self._conv(y, filters, 3, f"{name}_branch3_conv3", stride=stride))
            y = _pool(x, module.pool, stride, f"{name}_branch4_pool")
            if module.projection:
                y = self._conv(y, module.projection, 1, f"{name}_branch4_conv1")
            return keras_layers.Concatenate(name=last)([*outputs, y])

        return plain_unit(x, branches, self.se, stage, name)


def _pool(x, kind, stride, name):
    """3x3 pooling: an average counts the zeros of the padding, as in Caffe and PyTorch."""
    if kind == "avg":
        x = keras_layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
        return keras_layers.AveragePooling2D(3, stride, name=name)(x)
    # TensorFlow's padding is Caffe's for even sizes, and fits the convolutions for odd ones.
    return keras_layers.MaxPooling2D(3, stride, padding="same", name=name)(x)


SEBNInception = Inception(name="se_bn_inception")

BNInception = SEBNInception.replace(name="bn_inception", se=None)
