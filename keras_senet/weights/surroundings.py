"""Layers around our network in the model of a file: they are left out, with a warning."""

import collections
import logging

import keras

from keras_senet.layers import facts
from keras_senet.layers.idle import is_idle_class
from keras_senet.weights.fingerprint import described
from keras_senet.weights.layouts.layout import TOP

logger = logging.getLogger("keras_senet")


def warn(path, stored, model, *, others=(), new_classifier=False):
    """Warns of what the file's model has and `weights=` does not take over.

    Args:
        path: Path of the file.
        stored: How the file's network was built, see `stored_call`.
        model: Our model, which got the weights.
        others: Names of the layers and operations in the file that our model does not have.
        new_classifier: Whether the model's classifier keeps its random weights.
    """
    ours = stored_call(next(iter(described(model)), None))
    has_classifier = any(layer.name == "head" for layer in model.layers) and not new_classifier
    texts = []
    if others:
        texts.append(f"layers that are not of this network, left out: {facts.listed(others)}")
    if stored.get("on_tensor") and not ours.get("on_tensor"):
        texts.append("a network built on an `input_tensor`; what stood before it is left out")
    if has_classifier and stored.get("include_top") is False:
        texts.append("a classifier `head` of another make than this package's, taken for it")
    elif has_classifier and "classifier_activation" in stored:
        theirs, here = (one.get("classifier_activation") for one in (stored, ours))
        # `None` (logits) was asked for. Any other activation may be the argument's default.
        if here not in (None, theirs):
            texts.append(
                f"a classifier that ends in {theirs!r}, and this one ends in {here!r}: pass "
                f"classifier_activation={theirs!r} for it"
            )
    for text in texts:
        logger.warning("%s has %s. Outputs differ from the file's model.", path, text)


def stored_call(description, config=None):
    """How the network of a file was built: `include_top`, `classifier_activation`, `on_tensor`.

    Args:
        description: Dict that `fingerprint.describe` wrote, or `None`.
        config: Dict of `config.json` of a `.keras` file, whose classifier may have been changed
            since, or `None`.

    Returns:
        A dict, empty where the file does not say.
    """
    call = ((description or {}).get("besides") or {}).get("call")
    call = dict(call) if isinstance(call, dict) else {}
    for layer in _leaves(config or {}):
        if call and layer["config"].get("name") == "head" and "activation" in layer["config"]:
            call["classifier_activation"] = layer["config"]["activation"]
    if call.get("classifier_activation") == "linear":
        call["classifier_activation"] = None
    return call


def others(config, model):
    """The layers and operations that a `.keras` file has beside a network.

    Args:
        config: Dict of `config.json`.
        model: The network.

    Returns:
        Names of layers that the network lacks, and classes of the operations between layers that
        it has fewer of. Inputs are not listed, nor is a classifier where the network has none.
    """
    names = {layer.name for layer in model.layers}
    operations = collections.Counter(
        type(one).__name__ for one in model.operations if not isinstance(one, keras.Layer)
    )
    found = []
    for layer in _leaves(config):
        kind, name = layer.get("class_name"), layer["config"].get("name")
        if str(layer.get("module")).startswith(("keras.src.ops", "keras.ops")):
            operations[kind] -= 1
            if operations[kind] < 0:
                found.append(kind)
        elif kind != "InputLayer" and not is_idle_class(kind) and is_other(name, names):
            found.append(name)
    return found


def is_other(name, names):
    """Whether a layer of a file is no part of our model, nor of a classifier that it lacks.

    Args:
        name: Name of the layer in the file.
        names: Names of the layers of our model.
    """
    wanted = "head" in names
    return name not in names and (wanted or not str(name).startswith(TOP))


def _leaves(config):
    """Configurations of all layers in that of a model, also of those in models inside of it."""
    inner = config.get("config")
    layers = inner.get("layers") if isinstance(inner, dict) else None
    if isinstance(layers, list):
        for layer in layers:
            if isinstance(layer, dict):
                yield from _leaves(layer)
    elif isinstance(inner, dict):
        yield config
