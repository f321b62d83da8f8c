"""What the fields of an architecture, and the arguments of its call, may be."""

import dataclasses
import math
import typing

import keras

from keras_senet.architectures.attention_config import AttentionConfig
from keras_senet.layers.data_format import check_setting
from keras_senet.weights.fields import is_integer
from keras_senet.weights.preprocessing import Preprocessing

SHARES = ("dropout", "round_limit")
MAY_BE_0 = (*SHARES, "wa")
CHOICES = {"padding": ("same", "torch"), "stride": (1, 2)}


def check_numbers(instance):
    """Raises a ValueError where a field of a dataclass is no number, or choice, of its kind.

    Integers, and those in tuples, are above 0, other numbers finite and above 0 or, where this
    stands for nothing, 0.
    """
    for field in dataclasses.fields(instance):
        expected = _expected(field, getattr(instance, field.name))
        if expected is not None:
            raise ValueError(
                f"Field `{field.name}` must be {expected}. Received: "
                f"{getattr(instance, field.name)!r}"
            )


def _expected(field, value):
    """What a field shall be, or `None` where it is that."""
    name, kind = field.name, field.type
    if name in CHOICES:
        return None if value in CHOICES[name] else f"one of {CHOICES[name]}"
    if kind is bool:
        return None if isinstance(value, bool) else "True or False"
    if kind is int:
        return None if is_integer(value) and value > 0 else "an integer above 0"
    if typing.get_origin(kind) is tuple and set(typing.get_args(kind)) <= {int, ...}:
        whole = isinstance(value, tuple) and all(is_integer(one) and one > 0 for one in value)
        return None if whole else "a tuple of integers above 0"
    if kind is not float:
        return None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if name in SHARES:
        return None if is_number and 0 <= value <= 1 else "in 0..1"
    if name == "stochastic_depth":
        return None if is_number and 0 <= value < 1 else "a share of at least 0 and below 1"
    least = is_number and (value >= 0 if name in MAY_BE_0 else value > 0)
    if least and math.isfinite(value):
        return None
    return "a number of at least 0" if name in MAY_BE_0 else "a number above 0"


def check_stages(stages, kind):
    """Raises a ValueError where a table of stages is no tuple of one row or more of this kind."""
    if not isinstance(stages, tuple) or not stages or not all(isinstance(x, kind) for x in stages):
        raise ValueError(
            f"Field `stages` must be a tuple of {kind.__name__}(...), one or more. Received: "
            f"{stages!r}"
        )


def check_fields(architecture):
    """Raises a ValueError that says which field of an architecture is none of its values."""
    check_numbers(architecture)
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
    check_setting()
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
