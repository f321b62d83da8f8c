"""VGG with batch normalization, with and without SE."""

import dataclasses
from collections.abc import Iterator

import keras
from keras import layers as keras_layers

from keras_senet import layers
from keras_senet.architectures.architecture import Architecture
from keras_senet.architectures.blocks import conv_norm, plain_unit
from keras_senet.weights import preprocessing
from keras_senet.weights.layouts import keras_applications, pytorchcv
from keras_senet.weights.layouts.layout import Layout

__all__ = ["SEVGG16", "VGG", "VGG16"]

FILTERS = (64, 128, 256, 512, 512)  # of stages 1 to 5
HEAD_WIDTH = 4096
HEAD_WINDOW = 7  # pixels that the first fully connected layer sees, at stride 32


@dataclasses.dataclass(frozen=True, kw_only=True)
class VGG(Architecture):
    """Stages of 3x3 convolutions, SE after the ReLU of each.

    The first fully connected layer is a convolution of 7x7 pixels, the same for images of 224
    pixels. On larger images it slides and the class scores are averaged (VGG's dense evaluation,
    section 3.2); on smaller ones its window is the whole map.

    Attributes:
        depths: Convolutions in stages 1 to 5.
        conv_bias: Whether convolutions have biases, as torchvision's networks.
        dropout: Share of features dropped after both hidden fully connected layers.

    Reference:
        Simonyan and Zisserman, https://arxiv.org/abs/1409.1556, table 1; SE:
        https://arxiv.org/abs/1709.01507, table 2. There is no released model with SE.
    """

    depths: tuple[int, ...]
    conv_bias: bool = False
    dropout: float = 0.5

    def __post_init__(self):
        super().__post_init__()
        if len(self.depths) != len(FILTERS):
            raise ValueError(f"Field `depths` must have five numbers. Received: {self.depths}")

    @property
    def se_stages(self) -> tuple[int, ...]:
        """Stages 1 to 5."""
        return tuple(range(1, 1 + len(FILTERS)))

    @property
    def undefined_placements(self) -> dict[str, str]:
        """All of the paper's designs of residual units."""
        why = (
            "VGG, which has no residual units: SE is after the ReLU of each 3x3 convolution. Use "
            "placement 'standard'."
        )
        return dict.fromkeys(("pre", "post", "identity", "3x3"), why)

    @property
    def no_sums(self) -> str | None:
        """Its convolutions are a chain."""
        return "VGG, which has no residual units"

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The ends of stages 1 to 5 (strides 1 to 16) and the last pooling (stride 32)."""
        lasts = (f"stage{stage}_block{depth}" for stage, depth in enumerate(self.depths, 1))
        return (*lasts, "stage5_pool")

    @property
    def feature_strides(self) -> tuple[int, ...]:
        """1 to 32."""
        return tuple(2**level for level in range(1 + len(self.depths)))

    def _sides(self, side):
        return [side // stride for stride in self.feature_strides]  # pooling without padding

    @property
    def released_fields(self) -> dict[Layout, dict]:
        """Whether convolutions have biases; pytorchcv has weights of both kinds."""
        pixels = preprocessing.VGG
        return {
            pytorchcv.VGG: {},
            keras_applications.VGG: {"conv_bias": False, "preprocessing": pixels},
        }

    def backbone(self, x: keras.KerasTensor) -> Iterator[keras.KerasTensor]:
        """Five stages with pooling: `(N, H, W, 3)` to `(N, H // 32, W // 32, 512)`."""
        for stage, (depth, filters) in enumerate(zip(self.depths, FILTERS, strict=True), 1):
            for index in range(1, depth + 1):
                x = self._unit(x, filters, stage, f"stage{stage}_block{index}")
            yield x
            x = keras_layers.MaxPooling2D(2, name=f"stage{stage}_pool")(x)
        yield x

    def _unit(self, x, filters, stage, name):
        """3x3, SE."""

        def branch(x, last):
            return conv_norm(x, filters, 3, f"{name}_conv1", use_bias=self.conv_bias, last=last)

        return plain_unit(x, branch, self.se, stage, name)

    def _head(self, x, classes, activation):
        window = tuple(min(size or HEAD_WINDOW, HEAD_WINDOW) for size in x.shape[1:3])
        for name, kernel_size in (("head_conv1", window), ("head_conv2", 1)):
            # In float32 under a half-precision policy, as the heads of the other networks.
            x = keras_layers.Conv2D(
                HEAD_WIDTH,
                kernel_size,
                activation="relu",
                kernel_initializer=layers.HeNormal(),
                dtype="float32",
                name=name,
            )(x)
            if self.dropout:
                x = keras_layers.Dropout(self.dropout, dtype="float32", name=f"{name}_dropout")(x)
        x = keras_layers.GlobalAveragePooling2D(dtype="float32", name="head_pool")(x)
        return keras_layers.Dense(classes, activation=activation, dtype="float32", name="head")(x)


SEVGG16 = VGG(name="se_vgg16", depths=(2, 2, 3, 3, 3))

VGG16 = SEVGG16.replace(name="vgg16", se=None)
