"""A network as a value: calling it builds the Keras model."""

import dataclasses
import inspect
import math
import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator

import keras

from keras_senet import layers
from keras_senet.architectures.attention_config import AttentionConfig
from keras_senet.architectures.checks import check_activation, check_call, check_fields
from keras_senet.architectures.se_config import SEConfig
from keras_senet.weights.fields import natural, replaced, settle
from keras_senet.weights.fingerprint import describe
from keras_senet.weights.layouts.layout import Layout
from keras_senet.weights.load import open_weights
from keras_senet.weights.preprocessing import IMAGENET, Preprocessing
from keras_senet.weights.structure import structure


@dataclasses.dataclass(frozen=True, kw_only=True)
class Architecture(ABC):
    """What all families share: image, preprocessing, backbone, head.

    Attributes:
        name: Name of the models built.
        se: The SE design, or `ECAConfig`, `ESEConfig`, `SCSEConfig`; `None` for the plain network.
        input_size: Height and width of the default image in pixels.
        classes: Default number of classes.
        dropout: Share of features dropped before the classifier while training.
        stochastic_depth: Share of images for which the branch of the last residual unit is dropped
            while training; it grows linearly from 0 at the first unit, as timm has it (Huang et
            al., https://arxiv.org/abs/1603.09382, equation 4, count from the image).
        preprocessing: Normalization of raw RGB pixels, the model's first layer.
    """

    name: str
    se: AttentionConfig | None = SEConfig()
    input_size: int = 224
    classes: int = 1000
    dropout: float = 0.0
    stochastic_depth: float = 0.0
    preprocessing: Preprocessing = IMAGENET

    def __post_init__(self):
        settle(self, dataclasses.fields(self))
        # What `help` shows of a network is how it is called; its fields are in the class's text.
        object.__setattr__(self, "__doc__", _call_text(self.__call__))
        check_fields(self)

    @abstractmethod
    def backbone(self, x: keras.KerasTensor) -> Iterator[keras.KerasTensor]:
        """Normalized image `(N, H, W, 3)` to feature maps, finest first.

        Yields the maps of `feature_names` as it computes them, then the map that the head reads,
        where that is not the last of them.
        """

    @property
    @abstractmethod
    def feature_names(self) -> tuple[str, ...]:
        """Names of the layers that end the stages, finest map first."""

    @property
    def feature_strides(self) -> tuple[int, ...]:
        """Pixels of the image for each pixel of a map, in the order of `feature_names`."""
        return tuple(2**level for level in range(1, 1 + len(self.feature_names)))

    @property
    def feature_levels(self) -> dict[str, str]:
        """The levels of a pyramid, `"P3"` for stride 8, and the last layer of each, finest first.

        Reference:
            Lin et al., https://arxiv.org/abs/1612.03144: level l has stride `2 ** l`.
        """
        pairs = zip(self.feature_strides, self.feature_names, strict=True)
        return {f"P{stride.bit_length() - 1}": name for stride, name in pairs}

    def feature_sizes(self, height: int, width: int) -> tuple[tuple[int, int], ...]:
        """Heights and widths of the feature maps of an image, in the order of `feature_names`.

        Sizes that a stride does not divide are rounded up, except where published weights need a
        pooling that rounds down: behind the stem of networks with Caffe's pooling (the default of
        `ResNet`, BN-Inception) and in VGG. Inception-ResNet-v2, without padding, has smaller maps.

        Args:
            height: Height of the image in pixels.
            width: Width of the image in pixels.

        Example:
            >>> keras_senet.SEResNet50.feature_sizes(800, 601)[2:]
            ((100, 75), (50, 38), (25, 19))
        """
        return tuple(zip(self._sides(height), self._sides(width), strict=True))

    def _sides(self, side):
        return [math.ceil(side / stride) for stride in self.feature_strides]

    @property
    @abstractmethod
    def se_stages(self) -> tuple[int, ...]:
        """Numbers of the stages that may have SE."""

    @property
    def undefined_placements(self) -> dict[str, str]:
        """SE placements that this network has no place for, and why."""
        return {}

    @property
    def no_sums(self) -> str | None:
        """Why this network has no residual sum, or `None` for those that have."""
        return None

    @property
    def idle_fields(self) -> tuple[str, ...]:
        """Names of the fields that have no effect with the values of the other fields."""
        return ()

    @property
    def released_fields(self) -> dict[Layout, dict]:
        """Layouts of public weights for this network, and the fields that each decides.

        Decided are the fields that no name or shape of a tensor shows, and `"se"`, the design that
        the weights were trained with, where it is not `SEConfig()`.
        """
        return {}

    @property
    def variants(self) -> dict[Layout, str]:
        """Layouts that a variant of this network has, and the fields that make it one, as text."""
        return {}

    def replace(self, **changes) -> "Architecture":
        """A copy with these fields changed: `replace(se=None)` is the plain network.

        Raises:
            ValueError: If a field does not exist.
        """
        if "output_stride" in changes and not hasattr(self, "output_stride"):
            raise ValueError(
                f"{type(self).__name__} has no field 'output_stride'. ResNet and RegNet have: "
                "dilation can take the place of their strides, with the same weights. Received: "
                f"output_stride={changes['output_stride']!r} for {self.name}"
            )
        return replaced(self, changes)

    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike | None = None,
        input_tensor: keras.KerasTensor | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        pooling: str | None = None,
        classes: int | None = None,
        classifier_activation: str | None = "softmax",
        name: str | None = None,
        include_preprocessing: bool = True,
        pyramid: bool | str = False,
    ) -> keras.Model:
        """Builds the network; the arguments are those of `keras.applications`.

        Args:
            include_top: Whether global average pooling and the classifier follow the backbone.
            weights: `None` for random weights, the name of a public weight set in
                `keras_senet.weights.table()`, which is fetched, or the path of a file:
                `.safetensors` or `.pth` in a public layout, `.caffemodel`, `.h5` of
                keras.applications, `.weights.h5` or `.keras`. The weights decide the fields of the
                backbone, the SE design, the image size and the preprocessing. From a file of other
                classes, or of none, the classifier is not loaded: it keeps random weights, and a
                warning says so.
            input_tensor: Tensor to build on, instead of an `Input` of `input_shape`.
            input_shape: `(H, W, C)` of one image. H and W may be `None`. Default: the
                architecture's size with the classifier, `(None, None, 3)` without.
            pooling: Without the classifier: `None` for the last feature map, `"avg"` or `"max"`
                for its global pooling.
            classes: Number of classes. Default: the architecture's where it was set to another
                than its family's, then that of the weights. It must be given with weights that
                have no classifier.
            classifier_activation: Activation of the classifier, `None` for logits.
            name: Name of the model.
            include_preprocessing: Whether the model takes raw RGB pixels in 0..255, float or
                uint8, and normalizes them itself.
            pyramid: Whether the outputs are the feature maps, a dict of tensors, instead of a
                single tensor. `True`: the keys are `feature_names`; `"levels"`: those of
                `feature_levels`, `"P3"` for the map of stride 8.

        Returns:
            A functional model: images `(N, H, W, C)` to probabilities `(N, classes)`, float32.

        Raises:
            ValueError: If an argument is invalid or the weights do not fit the network.
        """
        check_call(include_top, pooling, pyramid, classes)
        classes = natural(classes)
        if classes is None and self.classes != type(self).classes:
            classes = self.classes  # the field was set on purpose, as the argument is
        opened = None if weights is None else open_weights(weights, self)
        network = self
        if opened is not None:
            network = opened.network
            if include_top and not pyramid and opened.headless and classes is None:
                raise ValueError(
                    f"{weights} has no classifier. Pass `classes` for a new one with random "
                    "weights, or `include_top=False` for none."
                )
            classes = classes or opened.classes
        if include_top and not pyramid:
            check_activation(classes or network.classes, classifier_activation)
        image = network._image(input_tensor, input_shape, include_top and not pyramid)
        if opened is not None:
            pixels = network.preprocessing.of_channels(image.shape[-1])
            network = network.replace(preprocessing=pixels)
        x = network._normalized(image) if include_preprocessing else image
        *maps, last = network.backbone(x)
        if pyramid:
            outputs = dict(zip(network.feature_names, (*maps, last), strict=False))
            if pyramid == "levels":
                outputs = {level: outputs[name] for level, name in network.feature_levels.items()}
        elif include_top:
            outputs = network._head(last, classes or network.classes, classifier_activation)
        else:
            outputs = _pool(last, pooling)
        model = keras.Model(image, outputs, name=name or network.name)
        call = {
            "include_top": bool(include_top and not pyramid),
            "classifier_activation": classifier_activation,
            "on_tensor": input_tensor is not None,
        }
        first = next(layer for layer in model.layers if isinstance(layer, layers.Conv2D))
        first.network = describe(network, include_preprocessing, call, structure(model))
        if opened is not None:
            opened.assign(model)
        if input_tensor is None:
            return model
        # With the layers in front of `input_tensor`, which have no weights in the file.
        return keras.Model(keras.utils.get_source_inputs(image), outputs, name=model.name)

    def _drop_rates(self, units, last=None):
        """Stochastic depth of each unit in order: 0 for the first, all of it for number `last`."""
        last = max(1, units - 1) if last is None else last
        return [self.stochastic_depth * unit / last for unit in range(units)]

    def _image(self, input_tensor, input_shape, include_top):
        if input_tensor is not None:
            return input_tensor
        if input_shape is None:
            size = self.input_size if include_top else None
            input_shape = (size, size, 3)
        if len(input_shape) != 3 or input_shape[-1] is None:
            raise ValueError(
                "Argument `input_shape` must be (height, width, channels) of one image, with "
                f"known channels. Received: {input_shape}"
            )
        shape = natural(tuple(input_shape))
        if shape[0] in (1, 3) and shape[2] > 4:
            warnings.warn(
                f"Argument `input_shape` is (height, width, channels): {shape} are images of "
                f"{shape[0]} rows and {shape[2]} channels. Channels come last.",
                stacklevel=3,
            )
        return keras.Input(shape, name="image")

    def _normalized(self, image):
        expected = len(self.preprocessing.mean)
        if image.shape[-1] != expected:
            raise ValueError(
                f"Preprocessing of {self.name} is for images of {expected} channels. Received: "
                f"{image.shape[-1]} channels. Pass `include_preprocessing=False`, or an "
                "architecture with `.replace(preprocessing=Preprocessing(mean, std))` for them."
            )
        return self.preprocessing.layer(size=self.input_size)(image)

    def _head(self, x, classes, activation):
        # Pooling, logits and probabilities in float32 under a half-precision policy.
        x = keras.layers.GlobalAveragePooling2D(dtype="float32", name="head_pool")(x)
        if self.dropout:
            x = keras.layers.Dropout(self.dropout, dtype="float32", name="head_dropout")(x)
        return keras.layers.Dense(classes, activation=activation, dtype="float32", name="head")(x)


def _call_text(call):
    """Signature and docstring of the call of a network."""
    return f"Called with {inspect.signature(call)}.\n\n{inspect.getdoc(call)}"


def _pool(x, pooling):
    if pooling is None:
        return x
    pool = {
        "avg": keras.layers.GlobalAveragePooling2D,
        "max": keras.layers.GlobalMaxPooling2D,
    }[pooling]
    return pool(dtype="float32", name="head_pool")(x)
