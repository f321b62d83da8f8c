"""MobileNet v1, with and without SE."""

import dataclasses
from collections.abc import Iterator

import keras

from keras_senet.architectures.architecture import Architecture
from keras_senet.architectures.blocks import (
    EPSILON,
    conv_norm,
    depthwise_norm,
    plain_unit,
    squeeze_excite,
)
from keras_senet.weights.layouts import keras_applications, pytorchcv
from keras_senet.weights.layouts.layout import Layout
from keras_senet.weights.preprocessing import INCEPTION

__all__ = ["MobileNet", "MobileNetV1", "SEMobileNet"]

# Filters of the units in stages 1 to 5 of MobileNet v1; all but the first start with stride 2.
FILTERS = ((64,), (128,) * 2, (256,) * 2, (512,) * 6, (1024,) * 2)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MobileNetV1(Architecture):
    """Units of a depthwise 3x3 and a 1x1 convolution, SE on their outputs.

    Attributes:
        alpha: Width multiplier.
        activation: `"relu"`, or `"relu6"` of TensorFlow's MobileNet.
        padding: `"torch"` (one pixel on all sides), or TensorFlow's `"same"`.
        epsilon: Added to the variance in normalizations; TensorFlow's MobileNet has 1e-3.

    Reference:
        Howard et al., https://arxiv.org/abs/1704.04861, table 1; SE:
        https://arxiv.org/abs/1709.01507, table 3. The paper leaves the place of SE open; with SE at
        the end of each unit the network has the paper's 4.7 M parameters and 572 M multiply-adds.
    """

    alpha: float = 1.0
    activation: str = "relu"
    padding: str = "torch"
    epsilon: float = EPSILON

    @property
    def depths(self) -> tuple[int, ...]:
        """Units in stages 1 to 5."""
        return tuple(map(len, FILTERS))

    @property
    def se_stages(self) -> tuple[int, ...]:
        """Stages 1 to 5."""
        return tuple(range(1, 1 + len(FILTERS)))

    @property
    def undefined_placements(self) -> dict[str, str]:
        """The paper's designs around a sum."""
        why = "MobileNet v1, whose units have no shortcut and no sum. Use placement 'standard'."
        return {"post": why, "identity": why}

    @property
    def no_sums(self) -> str | None:
        """Its units are a chain."""
        return "MobileNet v1, whose units have no shortcut and no sum"

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The last units of stages 1 to 5 (strides 2 to 32)."""
        return tuple(f"stage{stage}_block{len(row)}" for stage, row in enumerate(FILTERS, 1))

    @property
    def released_fields(self) -> dict[Layout, dict]:
        """PyTorch's or TensorFlow's padding, epsilon and activation."""
        return {
            pytorchcv.MOBILENET: {"padding": "torch", "epsilon": EPSILON, "activation": "relu"},
            keras_applications.MOBILENET: {
                "padding": "same",
                "epsilon": 1e-3,
                "activation": "relu6",
                "preprocessing": INCEPTION,
            },
        }

    def backbone(self, x: keras.KerasTensor) -> Iterator[keras.KerasTensor]:
        """Stem and 13 units: `(N, H, W, 3)` to `(N, H / 32, W / 32, 1024 * alpha)`."""
        x = self._conv(x, 32, 3, "stem_conv", stride=2)
        for stage, row in enumerate(FILTERS, 1):
            for index, filters in enumerate(row, 1):
                stride = 2 if index == 1 and stage > 1 else 1
                x = self._unit(x, filters, stride, stage, f"stage{stage}_block{index}")
            yield x

    def _conv(self, x, filters, kernel_size, name, *, stride=1, last=None):
        return conv_norm(
            x,
            int(filters * self.alpha),
            kernel_size,
            name,
            stride=stride,
            padding=self.padding,
            epsilon=self.epsilon,
            activation=self.activation,
            last=last,
        )

    def _unit(self, x, filters, stride, stage, name):
        """Depthwise 3x3, 1x1, SE."""
        channels_in = x.shape[-1]

        def branch(x, last):
            x = depthwise_norm(
                x,
                3,
                f"{name}_conv1",
                stride=stride,
                padding=self.padding,
                epsilon=self.epsilon,
                activation=self.activation,
            )
            x = squeeze_excite(x, self.se, stage, "3x3", f"{name}_se", channels_in)
            return self._conv(x, filters, 1, f"{name}_conv2", last=last)

        return plain_unit(x, branch, self.se, stage, name)


SEMobileNet = MobileNetV1(name="se_mobilenet")

MobileNet = SEMobileNet.replace(name="mobilenet", se=None)
