"""Networks as backbones of KerasHub's detectors and segmenters; needs the extra `hub`.

Import this module before `keras.models.load_model` opens a model that has such a backbone.
"""

import re
import typing

import keras

try:
    from keras_hub.models import FeaturePyramidBackbone
except ImportError as error:
    raise ImportError(
        "keras_senet.hub needs KerasHub: pip install 'keras-senet[hub]', or all that "
        f"`import keras_hub` needs ({error})"
    ) from error

__all__ = ["PyramidBackbone"]
LEVEL = re.compile(r"P\d")


@keras.saving.register_keras_serializable(package="keras_senet")
class PyramidBackbone(FeaturePyramidBackbone):
    """A feature pyramid of this package as a KerasHub backbone, on the same layers and weights.

    `RetinaNetBackbone`, `DeepLabV3Backbone` and `SegFormerBackbone` take it as `image_encoder`. It
    takes what the pyramid takes: raw RGB pixels in 0..255, which its first layer normalizes. No
    preprocessor of KerasHub may scale or normalize them again: leave `preprocessor` out, or pass
    one whose image converter only resizes (`scale=None`, `offset=None`).

    Args:
        pyramid: What an architecture builds with `pyramid="levels"`: a functional model of one
            image whose outputs are a dict from levels, `"P3"` for stride 8, to maps.
        **kwargs: `name`, `trainable` and `dtype` of a `keras_hub.models.Backbone`.

    Attributes:
        pyramid_outputs: Dict from levels to symbolic maps, finest first.
        hidden_dims: Channels of the levels in this order, which SegFormer reads.
        image_shape: `(H, W, C)` of an image; H and W may be `None`.

    Raises:
        ValueError: If `pyramid` is no such model.

    Example:
        >>> pyramid = keras_senet.SEResNeXt50(pyramid="levels", input_shape=(256, 256, 3))
        >>> backbone = PyramidBackbone(pyramid)
        >>> encoder = keras_hub.models.RetinaNetBackbone(backbone, 3, 7, use_p5=False)
    """

    def __init__(self, pyramid: keras.Model, **kwargs: typing.Any):
        outputs = getattr(pyramid, "output", None)
        if (
            not isinstance(pyramid, keras.Model)
            or not isinstance(outputs, dict)
            or not all(LEVEL.fullmatch(str(level)) for level in outputs)
        ):
            received = list(outputs) if isinstance(outputs, dict) else type(pyramid).__name__
            raise ValueError(
                "Argument `pyramid` must be a model whose outputs are levels, P1 to P5, as "
                'keras_senet.SEResNet50(pyramid="levels") builds it. Received: '
                f"{received}"
            )
        super().__init__(
            inputs=pyramid.inputs[0], outputs=outputs, **{"name": pyramid.name, **kwargs}
        )
        self.pyramid_outputs = dict(outputs)
        self.hidden_dims = [int(level.shape[-1]) for level in outputs.values()]
        self.image_shape = tuple(pyramid.inputs[0].shape[1:])

    def get_config(self) -> dict:
        """The pyramid's own configuration, layer by layer, and KerasHub's fields."""
        pyramid = keras.Model(self.inputs, self.pyramid_outputs, name=self.name)
        return {**super().get_config(), "pyramid": keras.saving.serialize_keras_object(pyramid)}

    @classmethod
    def from_config(cls, config: dict) -> "PyramidBackbone":
        """A backbone of this configuration, with new weights."""
        pyramid = config["pyramid"]
        if isinstance(pyramid, dict):
            pyramid = keras.saving.deserialize_keras_object(pyramid)
        return super().from_config({**config, "pyramid": pyramid})
