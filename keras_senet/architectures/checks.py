"""What the fields of an architecture, and the arguments of its call, may be."""

import keras

from keras_senet.architectures.attention_config import AttentionConfig
from keras_senet.weights.fields import is_integer
from keras_senet.weights.preprocessing import Preprocessing


def check_fields(architecture):
    """Raises a ValueError that says which field of an architecture is none of its values."""
    for name in ("input_size", "classes"):
        value = getattr(architecture, name)
        if not is_integer(value) or value < 1:
            raise ValueError(f"Field `{name}` must be an integer above 0. Received: {value!r}")
    if not 0 <= architecture.stochastic_depth < 1:
        raise ValueError(
            "Field `stochastic_depth` must be a share of at least 0 and below 1. Received: "
            f"{architecture.stochastic_depth!r}"
        )
    if architecture.stochastic_depth and architecture.no_sums is not None:
        raise ValueError(
            f"Field `stochastic_depth` must be 0 in {architecture.no_sums}: it drops the branch of "
            f"a sum. Received: {architecture.stochastic_depth!r}"
        )
    if not isinstance(architecture.preprocessing, Preprocessing):
        raise ValueError(
            "Field `preprocessing` must be a Preprocessing. Received: "
            f"{architecture.preprocessing!r}. Pass `include_preprocessing=False` to the call for a "
            "network without."
        )
    if architecture.se is not None and not isinstance(architecture.se, AttentionConfig):
        raise ValueError(
            "Field `se` must be a SEConfig, ECAConfig, ESEConfig or SCSEConfig, or None for no SE. "
            f"Received: {architecture.se!r}"
        )
    if architecture.se is not None:
        _check_design(architecture, architecture.se)


def _check_design(architecture, se):
    why = architecture.undefined_placements.get(se.placement)
    if why is not None:
        raise ValueError(f"SE placement {se.placement!r} is undefined for {why}")
    missing = [stage for stage in se.stages or () if stage not in architecture.se_stages]
    if missing:
        raise ValueError(
            f"{architecture.name} has no stage {missing[0]} to put SE into. Its stages: "
            f"{', '.join(map(str, architecture.se_stages))}. Received: {se}"
        )


def check_call(include_top, pooling, pyramid, classes):
    """Raises a ValueError that says which argument of a call is none of its values."""
    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            "keras_senet has images in channels_last only. Received: "
            "keras.config.image_data_format() == 'channels_first'. Call "
            "keras.config.set_image_data_format('channels_last') first."
        )
    if pyramid not in (True, False, "levels"):
        raise ValueError(
            f"Argument `pyramid` must be True, False or 'levels'. Received: {pyramid!r}"
        )
    if pooling not in (None, "avg", "max"):
        raise ValueError(f"Argument `pooling` must be None, 'avg' or 'max'. Received: {pooling!r}")
    if pooling is not None and (include_top or pyramid):
        raise ValueError(
            "Argument `pooling` needs `include_top=False` and `pyramid=False`. Received: "
            f"pooling={pooling!r}, include_top={include_top}, pyramid={pyramid}"
        )
    if classes is not None and (not is_integer(classes) or classes < 1):
        raise ValueError(f"Argument `classes` must be an integer above 0. Received: {classes!r}")


def check_activation(classes, activation):
    """Raises a ValueError where a classifier could name one class only."""
    if classes == 1 and keras.activations.get(activation) is keras.activations.softmax:
        raise ValueError(
            "A softmax over one class is 1 for every image. Pass classifier_activation='sigmoid', "
            "or None for a logit, with classes=1. Received: 'softmax'"
        )
