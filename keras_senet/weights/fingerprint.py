"""What a network is, as a text that its weights files carry.

Trunk, SE design and preprocessing are no tensors. `describe` writes them down, and the network's
first convolution carries them: see `keras_senet.layers.Conv2D`.
"""

import dataclasses
import json
import numbers

import keras

from keras_senet.layers import Conv2D, facts

NO_COMPUTATION = ("name", "classes", "dropout", "input_size", "preprocessing")
SHAPES = ("reduction", "divisor", "round_limit", "use_bias")  # of SE: the arrays tell them


def describe(architecture, include_preprocessing=True):
    """The description of a network.

    Args:
        architecture: An `Architecture`.
        include_preprocessing: Whether the model normalizes its pixels itself.

    Returns:
        A JSON text of two dicts: `"computation"`, all that decides what the network computes of
        normalized pixels, and `"besides"`.
    """
    fields = {
        field.name: plain(getattr(architecture, field.name))
        for field in dataclasses.fields(architecture)
        if field.name not in architecture.idle_fields
    }
    besides = {name: fields.pop(name) for name in NO_COMPUTATION}
    besides["include_preprocessing"] = bool(include_preprocessing)
    if architecture.se is not None:
        activation = keras.activations.get(architecture.se.activation)
        fields["se"]["activation"] = keras.activations.serialize(activation)  # of several names one
        if architecture.se.stages is None:
            fields["se"]["stages"] = list(architecture.se_stages)
        besides["se"] = {name: fields["se"].pop(name) for name in SHAPES}
    computation = {"family": type(architecture).__name__, **fields}
    return json.dumps({"computation": computation, "besides": besides})


def plain(value):
    """A field's value in what JSON knows: dataclasses as dicts, tuples as lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, (tuple, list)):
        return [plain(one) for one in value]
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    return keras.activations.serialize(value) if callable(value) else repr(value)


def described(model):
    """The descriptions of the networks in a model, also of those in models inside of it.

    Args:
        model: A `keras.Model`.

    Returns:
        A list of dicts as `describe` writes them; empty for a model of others.
    """
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += described(layer)
        elif isinstance(layer, Conv2D) and layer.network is not None:
            found.append(facts.parse(layer.network))
    return found
