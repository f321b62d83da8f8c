"""The configuration in a `.keras` file, compared layer by layer with the network built.

So are the calls: the same layers may be connected otherwise.
"""

import json

import keras

from keras_senet.layers import ImageNormalization, facts

# Arguments that decide no output, or that the user may choose.
FREE = (
    "name", "trainable", "dtype", "network", "batch_shape", "batch_input_shape", "size", "crop",
    "interpolation", "crop_mode", "rate", "seed", "noise_shape", "momentum", "input_shape",
)  # fmt: skip
FREE_ENDS = ("_initializer", "_regularizer", "_constraint", "_momentum")
OF_STRIDE = ("strides", "dilation_rate", "padding", "pool_size")  # where output strides differ
HEAD = ("units", "activation")  # of the classifier


def check_config(config, model, path, free=()):
    """Compares each layer of a network with the layer of its name in a file.

    Args:
        config: Dict of `config.json`.
        model: The network that the weights are for.
        path: Path of the file, for messages.
        free: Names of arguments that may differ.

    Raises:
        ValueError: If a layer computes something else in the file; the message names arguments.
    """
    names = {layer.name for layer in model.layers}
    stored = _layers(config, names)
    if "head" not in names:  # without a classifier the call chooses the pooling
        stored.pop("head_pool", None)
    texts = []
    for layer in model.layers:
        if layer.name in stored and not _takes_other_channels(layer, stored[layer.name]):
            own = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
            both = (own, stored[layer.name])
            ours, theirs = (_deciding(one, layer.name, free) for one in both)
            texts += [f"{layer.name}.{text}" for text in facts.differences(theirs, ours)]
    texts += _other_calls(stored, model)
    if texts:
        raise ValueError(
            f"{path} is of a network that computes otherwise. {facts.listed(texts, 3)}. Build the "
            "network with the file's values: architecture.replace(...)."
        )


def _other_calls(stored, model):
    """Which layers read other layers in a file than in a network, or are called more often."""
    own = {_name(layer): layer for layer in model.get_config()["layers"]}
    # Operations of keras.ops have names by their number, inputs any.
    ours = {layer.name for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)}
    texts = []
    for name in ours & stored.keys():
        theirs, here = (_read(one.get(name, {})) for one in (stored, own))
        known = all(call and set(call) <= ours for call in (*theirs, *here))
        if theirs and (len(theirs) != len(here) or (known and theirs != here)):
            texts.append(f"{name} reads {theirs} in the file, {here} in the network")
    return sorted(texts)


def _read(layer):
    """The names of the layers that each call of a layer reads."""
    return [sorted(_histories(node)) for node in layer.get("inbound_nodes") or ()]


def _histories(value):
    """The names of all tensors' layers in the serialized arguments of a call."""
    if isinstance(value, (list, tuple)):
        return [name for one in value for name in _histories(one)]
    if not isinstance(value, dict):
        return []
    history = (value.get("config") or {}).get("keras_history") if "config" in value else None
    if history:
        return [str(history[0])]
    return [name for one in value.values() for name in _histories(one)]


def _takes_other_channels(layer, stored):
    """Whether a layer is an input, or normalizes images of other channels than the file's."""
    if isinstance(layer, keras.layers.InputLayer):
        return True
    if not isinstance(layer, ImageNormalization) or not isinstance(stored.get("config"), dict):
        return False
    theirs, ours = stored["config"].get("offset"), layer.get_config()["offset"]
    return all(isinstance(one, list) for one in (theirs, ours)) and len(theirs) != len(ours)


def _layers(config, names):
    """Configurations of layers by name, from the model in the file with most names of ours."""
    found = []

    def walk(config):
        inner = config.get("config")
        layers = inner.get("layers") if isinstance(inner, dict) else None
        if not isinstance(layers, list):
            return
        layers = [one for one in layers if isinstance(one, dict)]
        found.append({_name(layer): layer for layer in layers})
        for layer in layers:
            walk(layer)

    walk(config)
    return max(found, key=lambda layers: len(layers.keys() & names), default={})


def _name(layer):
    config = layer.get("config")
    return str(config.get("name") if isinstance(config, dict) else layer.get("name"))


def _deciding(layer, name, free):
    config = layer.get("config") or {}
    kept = {
        key: value
        for key, value in config.items()
        if key not in (*FREE, *free)
        and not key.endswith(FREE_ENDS)
        and not (name == "head" and key in HEAD)
    }
    return {**kept, "class": layer.get("class_name")}
