"""BN-Inception and Inception-ResNet-v2, with and without SE."""

import dataclasses

from keras import layers as keras_layers

from keras_senet.architectures.architecture import Architecture
from keras_senet.architectures.blocks import (
    activate,
    conv_norm,
    max_pool,
    plain_unit,
    residual_unit,
)
from keras_senet.weights.preprocessing import INCEPTION, Preprocessing


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
    def depths(self):
        """Modules in stages 3 to 5."""
        return tuple(map(len, self.modules))

    @property
    def se_stages(self):
        """The stages of modules, from 3."""
        return tuple(range(3, 3 + len(self.modules)))

    @property
    def undefined_placements(self):
        """The paper's designs of residual units."""
        why = "Inception modules, which have no shortcut and no sum. Use placement 'standard'."
        return {
            "post": why,
            "identity": why,
            "3x3": "Inception modules, which have three 3x3 convolutions in two of four branches. "
            "Use placement 'standard'.",
        }

    @property
    def feature_names(self):
        """The stem (stride 2), stage 2 (stride 4) and the last modules (strides 8 to 32)."""
        lasts = (f"stage{stage}_block{depth}" for stage, depth in enumerate(self.depths, 3))
        return ("stem", "stage2_block1", *lasts)

    def backbone(self, x):
        """Stem and ten modules: `(N, H, W, 3)` to `(N, H / 32, W / 32, 1024)`."""
        x = activate(self._conv(x, 64, 7, "stem_conv", stride=2, activation=None), "relu", "stem")
        x = max_pool(x, "ceil", "stem_pool")
        x = self._conv(x, 64, 1, "stage2_block1_conv1")
        x = self._conv(x, 192, 3, "stage2_block1_conv2", activation=None)
        x = activate(x, "relu", "stage2_block1")
        x = max_pool(x, "ceil", "stage2_pool")
        for stage, row in enumerate(self.modules, 3):
            for index, module in enumerate(row, 1):
                x = self._module(x, module, stage, f"stage{stage}_block{index}")
        return x

    def _conv(self, x, filters, kernel_size, name, *, stride=1, activation="relu"):
        return conv_norm(
            x,
            filters,
            kernel_size,
            name,
            stride=stride,
            use_bias=self.conv_bias,
            activation=activation,
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


# Stages 3 to 5 of Inception-ResNet-v2: the branches of a unit, each a row of (filters, window).
UNITS = (
    (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (48, 3), (64, 3))),
    (((192, 1),), ((128, 1), (160, (1, 7)), (192, (7, 1)))),
    (((192, 1),), ((192, 1), (224, (1, 3)), (256, (3, 1)))),
)
# The same for the modules that begin the stages, the pooling branch apart: the last window of
# each branch has stride 2 in stages 4 and 5.
MIXED = (
    (((96, 1),), ((48, 1), (64, 5)), ((64, 1), (96, 3), (96, 3))),
    (((384, 3),), ((256, 1), (256, 3), (384, 3))),
    (((256, 1), (384, 3)), ((256, 1), (288, 3)), ((256, 1), (288, 3), (320, 3))),
)
SCALES = (0.17, 0.1, 0.2)  # of the residuals before the sum


@dataclasses.dataclass(frozen=True, kw_only=True)
class InceptionResNet(Architecture):
    """Inception-ResNet-v2 as in TensorFlow; SE on the residual, before it is scaled and summed.

    Attributes:
        depths: Residual units in stages 3 to 5 (at 35, 17 and 8 pixels for an image of 299).
        gamma: Whether normalizations have a gamma: timm's and pytorchcv's do, TensorFlow's not.

    Reference:
        Szegedy et al., https://arxiv.org/abs/1602.07261; the widths are those of
        `keras.applications`. The SE paper says where SE is (section 3.3), not in which order it
        and the scale come; there is no released model.
    """

    depths: tuple[int, int, int] = (10, 20, 10)
    gamma: bool = False
    input_size: int = 299
    preprocessing: Preprocessing = INCEPTION

    @property
    def se_stages(self):
        """The stages of residual units, 3 to 5."""
        return tuple(range(3, 3 + len(UNITS)))

    @property
    def undefined_placements(self):
        """The paper's design inside of a bottleneck."""
        return {
            "3x3": "Inception-ResNet, whose branches have none, one or three convolutions of "
            "3x3. Use placement 'standard'."
        }

    @property
    def feature_names(self):
        """The last layers of strides 2 to 32; convolutions without padding shave their sizes."""
        lasts = (f"stage{stage}_block{depth}" for stage, depth in enumerate(self.depths, 3))
        return ("stem", "stage2_block1", *tuple(lasts)[:-1], "last")

    def backbone(self, x):
        """Stem, 40 residual units, a last 1x1: `(N, H, W, 3)` to about `(N, H / 32, W / 32, C)`."""
        x = self._conv(x, 32, 3, "stem_conv1", stride=2, padding="valid")
        x = self._conv(x, 32, 3, "stem_conv2", padding="valid")
        x = activate(self._conv(x, 64, 3, "stem_conv3", activation=None), "relu", "stem")
        x = keras_layers.MaxPooling2D(3, 2, name="stem_pool")(x)
        x = self._conv(x, 80, 1, "stage2_block1_conv1")
        x = self._conv(x, 192, 3, "stage2_block1_conv2", padding="valid", activation=None)
        x = activate(x, "relu", "stage2_block1")
        x = keras_layers.MaxPooling2D(3, 2, name="stage2_pool")(x)
        for stage, depth in enumerate(self.depths, 3):
            x = self._mixed(x, stage, f"stage{stage}_mixed")
            for index in range(1, depth + 1):
                final = stage == 5 and index == depth
                x = self._unit(x, stage, f"stage{stage}_block{index}", final)
        return activate(self._conv(x, 1536, 1, "last_conv", activation=None), "relu", "last")

    def _conv(self, x, filters, kernel_size, name, *, stride=1, padding="same", activation="relu"):
        return conv_norm(
            x,
            filters,
            kernel_size,
            name,
            stride=stride,
            padding=padding,
            epsilon=1e-3,
            scale=self.gamma,
            activation=activation,
        )

    def _branches(self, x, rows, name, stride=1):
        """Outputs of convolutions in a row for each branch; the last of each has the stride."""
        outputs = []
        for branch, row in enumerate(rows, 1):
            y = x
            for index, (filters, kernel_size) in enumerate(row, 1):
                strided = stride > 1 and index == len(row)
                y = self._conv(
                    y,
                    filters,
                    kernel_size,
                    f"{name}_branch{branch}_conv{index}",
                    stride=stride if strided else 1,
                    padding="valid" if strided else "same",
                )
            outputs.append(y)
        return outputs

    def _mixed(self, x, stage, name):
        """Branches of convolutions and one of pooling; halves the image but in stage 3."""
        if stage > 3:
            outputs = self._branches(x, MIXED[stage - 3], name, stride=2)
            pooled = keras_layers.MaxPooling2D(3, 2, name=f"{name}_pool")(x)
        else:
            outputs = self._branches(x, MIXED[0], name)
            pooled = keras_layers.AveragePooling2D(3, 1, padding="same", name=f"{name}_pool")(x)
            pooled = self._conv(pooled, 64, 1, f"{name}_branch4_conv1")
        return keras_layers.Concatenate(name=name)([*outputs, pooled])

    def _unit(self, x, stage, name, final):
        """Branches, a 1x1 with bias, SE, scale, shortcut, ReLU; the final unit is not scaled."""

        def branch(x):
            y = self._branches(x, UNITS[stage - 3], name)
            y = keras_layers.Concatenate(name=f"{name}_concat")(y)
            return keras_layers.Conv2D(
                x.shape[-1], 1, kernel_initializer="he_normal", name=f"{name}_conv"
            )(y)

        scale = None if final else SCALES[stage - 3]
        return residual_unit(
            x, branch, lambda x: x, self.se, stage, name, activate=not final, scale=scale
        )


SEBNInception = Inception(name="se_bn_inception")
SEInceptionResNetV2 = InceptionResNet(name="se_inception_resnet_v2")

BNInception = SEBNInception.replace(name="bn_inception", se=None)
InceptionResNetV2 = SEInceptionResNetV2.replace(name="inception_resnet_v2", se=None)
