"""The description of a network, a text that its weights files carry.

Strides, poolings, gates and preprocessing are no tensors. `describe` writes them down, and the
network's first convolution carries the text into every file: see `keras_senet.layers.Conv2D`.
"""

import dataclasses
import json
import logging
import typing

import keras

from keras_senet.layers import Conv2D, facts
from keras_senet.weights.fields import plain, restored
from keras_senet.weights.preprocessing import IMAGENET, INCEPTION

logger = logging.getLogger("keras_senet")

# Fields of the backbone that a weights file decides. The variant decides all others, except those
# in NO_COMPUTATION.
BACKBONE = (
    "activation",
    "conv_bias",
    "epsilon",
    "gamma",
    "output_stride",
    "padding",
    "relu_before_se",
    "se",
    "shortcut",
    "stem",
    "stem_pool",
    "stride_in",
)
# Fields of which any value takes the same weights: where one is given, it counts; where it is
# `None`, that of the file does, or this one.
GIVEN = {"output_stride": 32}
ROWS = (IMAGENET, INCEPTION)  # normalizations that rows of the families have
VIEW = ("crop", "interpolation", "crop_mode")  # of the evaluation transform, beside the image size
NO_COMPUTATION = (
    "name",
    "classes",
    "dropout",
    "input_size",
    "preprocessing",
    "stochastic_depth",
)
# Fields of SE that decide no computation: tensors' shapes show them, or new values alone need them.
NO_COMPUTATION_OF_SE = (
    "reduction",
    "ratio_of",
    "divisor",
    "round_limit",
    "use_bias",
    "start",
    "kernel_size",
)


def describe(architecture, include_preprocessing=True, call=None, structure=None):
    """The description of a network.

    Args:
        architecture: An `Architecture`.
        include_preprocessing: Whether the model normalizes its pixels itself.
        call: Dict of `include_top`, `classifier_activation` and `on_tensor` (whether the model
            was built on an `input_tensor`), or `None`.
        structure: That of the model that was built, see `structure.structure`, or `None`.

    Returns:
        A JSON text of two dicts: `"computation"`, all that decides the outputs for normalized
        pixels, and `"besides"`, the other fields.
    """
    fields: dict[str, typing.Any] = {
        field.name: plain(getattr(architecture, field.name))
        for field in dataclasses.fields(architecture)
        if field.name not in architecture.idle_fields
    }
    for name in GIVEN.keys() & fields.keys():
        fields[name] = fields[name] or GIVEN[name]
    besides = {name: fields.pop(name) for name in NO_COMPUTATION}
    besides["include_preprocessing"] = bool(include_preprocessing)
    if structure is not None:
        besides["structure"] = structure
    if call is not None:
        besides["call"] = {name: plain(value) for name, value in call.items()}
    if architecture.se is not None:
        se = fields["se"] = _designed(architecture.se)
        if "activation" in se:
            activation = keras.activations.get(architecture.se.activation)
            # It has several names. (Keras' `serialize` imports TensorFlow on any backend.)
            name = getattr(activation, "__name__", None)
            se["activation"] = name or keras.activations.serialize(activation)
        if architecture.se.stages is None:
            se["stages"] = list(architecture.se_stages)
        besides["se"] = {name: se.pop(name) for name in NO_COMPUTATION_OF_SE if name in se}
    computation = {"family": type(architecture).__name__, "added_se": None, **fields}
    return json.dumps({"computation": computation, "besides": besides})


def with_added_se(text, se):
    """The description of a network to which SE blocks were added.

    Args:
        text: Its description before, or `None`.
        se: `AttentionConfig` of the blocks.
    """
    if text is None:
        return None
    description = facts.parse(text)
    description["computation"]["added_se"] = _designed(se)
    return json.dumps(description)


def with_removed_se(text, blocks):
    """The description of a network from which SE blocks were removed.

    Args:
        text: Its description before, or `None`.
        blocks: Names of the blocks.
    """
    if text is None:
        return None
    description = facts.parse(text)
    computation = description["computation"]
    computation["removed_se"] = sorted({*computation.get("removed_se", ()), *blocks})
    return json.dumps(description)


def described(model):
    """The descriptions of all networks in a model and in the models inside of it.

    Args:
        model: A `keras.Model`.

    Returns:
        A list of dicts as `describe` writes them; empty for a model without our networks.
    """
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += described(layer)
        elif isinstance(layer, Conv2D) and layer.network is not None:
            found.append(facts.parse(layer.network))
    return found


def adopt(architecture, description, path):
    """`architecture` with the fields that a file's description decides, SE included.

    Args:
        architecture: An `Architecture`. Those fields of `BACKBONE` that have its family's default
            are taken from the file; all others must be the file's, except those of `GIVEN`.
        description: Dict that `describe` wrote.
        path: Path of the file, for messages.

    Raises:
        ValueError: If other fields differ; the message names them, with both values.
    """
    theirs, ours = _flat(description), _flat(json.loads(describe(architecture)))
    if theirs["family"] != ours["family"]:
        theirs = {"family": theirs["family"]}  # fields of another family cannot be compared
    defaults = {field.name: field.default for field in dataclasses.fields(architecture)}
    changes, wrong = {}, []
    for name, value in theirs.items():
        if name in ours and not facts.differences({name: value}, {name: ours[name]}):
            continue
        is_default = name in BACKBONE and getattr(architecture, name) == defaults[name]
        if is_default and not (name == "se" and _are_of_two_kinds(value, ours[name])):
            changes[name] = restored(value, defaults[name])
            if name in GIVEN:  # what the architecture says of its model is of another value
                logger.warning(
                    "%s decides %s=%r of %s, which says none. Pass it: replace(%s=%r).",
                    *(path, name, value, architecture.name, name, value),
                )
        elif name not in GIVEN and (name != "se" or _differ_in_design(value, ours.get(name))):
            both = (_deciding(one) if name == "se" else one for one in (value, ours.get(name)))
            wrong += facts.differences(*({name: one} for one in both))
    if wrong:
        raise ValueError(
            f"{path} is of another network than {architecture.name}. {facts.listed(wrong)}. "
            "Choose the architecture of the file, or `.replace(...)` these fields."
        )
    return architecture.replace(**changes)


def adopt_pixels(architecture, besides, view, path):
    """`architecture` with the preprocessing and the evaluation transform of a file.

    Args:
        architecture: An `Architecture`.
        besides: The dict `"besides"` of a description.
        view: Dict of size, crop and interpolation that the file's normalization layer has; may be
            empty.
        path: Path of the file, for messages.

    Raises:
        ValueError: If the architecture's preprocessing is neither that of a row nor the file's.
    """
    stored = {**besides["preprocessing"], **{key: view[key] for key in VIEW if key in view}}
    theirs = restored(stored, architecture.preprocessing)
    ours = architecture.preprocessing
    default = type(architecture).__dataclass_fields__["preprocessing"].default
    pixels = [{"mean": list(one.mean), "std": list(one.std)} for one in (theirs, ours)]
    wrong = facts.differences(*pixels)
    if wrong and ours not in (default, *ROWS):
        raise ValueError(
            f"{path} is of a network that normalizes its pixels otherwise than {architecture.name}"
            f". {facts.listed(wrong)}. Leave `preprocessing` to the file."
        )
    size = view.get("size") or besides.get("input_size") or architecture.input_size
    return architecture.replace(preprocessing=theirs, input_size=size)


def _flat(description):
    """The fields of the computation, with the complete SE design."""
    fields = dict(description["computation"])
    if isinstance(fields.get("se"), dict):
        fields["se"] = {**fields["se"], **description["besides"].get("se", {})}
    return fields


def _designed(se):
    """The fields of an SE design, and of which kind it is."""
    return {"design": type(se).__name__, **plain(se)}


def _are_of_two_kinds(theirs, ours):
    """Whether two designs have no blocks in common: one is `None`, or of ECA and not of SE, say."""
    if theirs is None or ours is None:
        return theirs is not ours
    return theirs["design"] != ours["design"]


def _deciding(se):
    """The fields of a design, or `None`, but those of `NO_COMPUTATION_OF_SE`."""
    return se and {name: se[name] for name in se.keys() - set(NO_COMPUTATION_OF_SE)}


def _differ_in_design(theirs, ours):
    """Whether two SE designs differ in more than widths, which the arrays show."""
    return _are_of_two_kinds(theirs, ours) or _deciding(theirs) != _deciding(ours)
