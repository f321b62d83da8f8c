"""Inception-ResNet-v2, with and without SE."""

import dataclasses
from collections.abc import Iterator

import keras
from keras import layers as keras_layers

from keras_senet import layers
from keras_senet.architectures.architecture import Architecture
from keras_senet.architectures.blocks import conv_norm, residual_unit
from keras_senet.weights.layouts import keras_applications
from keras_senet.weights.layouts.layout import Layout
from keras_senet.weights.preprocessing import INCEPTION, Preprocessing

__all__ = ["InceptionResNet", "InceptionResNetV2", "SEInceptionResNetV2"]

# Stages 3 to 5: the branches of a unit, each a row of (filters, window).
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
    def se_stages(self) -> tuple[int, ...]:
        """The stages of residual units, 3 to 5."""
        return tuple(range(3, 3 + len(UNITS)))

    @property
    def undefined_placements(self) -> dict[str, str]:
        """The paper's design inside of a bottleneck."""
        return {
            "3x3": "Inception-ResNet, whose branches have none, one or three convolutions of "
            "3x3. Use placement 'standard'."
        }

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The last layers of strides 2 to 32; convolutions without padding make maps smaller."""
        lasts = (f"stage{stage}_block{depth}" for stage, depth in enumerate(self.depths, 3))
        return ("stem", "stage2_block1", *tuple(lasts)[:-1], "last")

    def _sides(self, side):
        """Of windows of 3 pixels without padding, of stride 2; each of stride 1 takes 2 pixels."""
        stem = (side - 3) // 2 - 1
        second = (stem - 3) // 2 - 1
        third = (second - 3) // 2 + 1
        fourth = (third - 3) // 2 + 1
        return [stem, second, third, fourth, (fourth - 3) // 2 + 1]

    @property
    def released_fields(self) -> dict[Layout, dict]:
        """Whether normalizations have a gamma."""
        return {keras_applications.INCEPTION_RESNET: {"gamma": False, "preprocessing": INCEPTION}}

    def backbone(self, x: keras.KerasTensor) -> Iterator[keras.KerasTensor]:
        """Stem, 40 residual units, a last 1x1: `(N, H, W, 3)` to about `(N, H / 32, W / 32, C)`."""
        x = self._conv(x, 32, 3, "stem_conv1", stride=2, padding="valid")
        x = self._conv(x, 32, 3, "stem_conv2", padding="valid")
        x = self._conv(x, 64, 3, "stem_conv3", last="stem")
        yield x
        x = keras_layers.MaxPooling2D(3, 2, name="stem_pool")(x)
        x = self._conv(x, 80, 1, "stage2_block1_conv1")
        x = self._conv(x, 192, 3, "stage2_block1_conv2", padding="valid", last="stage2_block1")
        yield x
        x = keras_layers.MaxPooling2D(3, 2, name="stage2_pool")(x)
        drop_rates = iter(self._drop_rates(sum(self.depths)))
        for stage, depth in enumerate(self.depths, 3):
            x = self._mixed(x, stage, f"stage{stage}_mixed")
            for index in range(1, depth + 1):
                final = stage == 5 and index == depth
                name = f"stage{stage}_block{index}"
                x = self._unit(x, stage, name, final, next(drop_rates))
            if stage < 5:
                yield x
        yield self._conv(x, 1536, 1, "last_conv", last="last")

    def _conv(self, x, filters, kernel_size, name, *, stride=1, padding="same", last=None):
        return conv_norm(
            x,
            filters,
            kernel_size,
            name,
            stride=stride,
            padding=padding,
            epsilon=1e-3,
            scale=self.gamma,
            last=last,
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
        """Branches of convolutions and one of pooling; halves the image except in stage 3."""
        if stage > 3:
            outputs = self._branches(x, MIXED[stage - 3], name, stride=2)
            pooled = keras_layers.MaxPooling2D(3, 2, name=f"{name}_pool")(x)
        else:
            outputs = self._branches(x, MIXED[0], name)
            pooled = keras_layers.AveragePooling2D(3, 1, padding="same", name=f"{name}_pool")(x)
            pooled = self._conv(pooled, 64, 1, f"{name}_branch4_conv1")
        return keras_layers.Concatenate(name=name)([*outputs, pooled])

    def _unit(self, x, stage, name, final, drop_rate):
        """Branches, a 1x1 with bias, SE, scale, shortcut, ReLU; the final unit is not scaled."""

        def branch(x):
            y = self._branches(x, UNITS[stage - 3], name)
            y = keras_layers.Concatenate(name=f"{name}_concat")(y)
            return keras_layers.Conv2D(
                x.shape[-1], 1, kernel_initializer=layers.HeNormal(), name=f"{name}_conv"
            )(y)

        scale = None if final else SCALES[stage - 3]
        return residual_unit(
            x,
            branch,
            lambda x: x,
            self.se,
            stage,
            name,
            has_relu=not final,
            scale=scale,
            drop_rate=drop_rate,
        )


SEInceptionResNetV2 = InceptionResNet(name="se_inception_resnet_v2")

InceptionResNetV2 = SEInceptionResNetV2.replace(name="inception_resnet_v2", se=None)
