"""What stood around our network in the model of a file: it is left out, and said to be."""

import collections
import logging

import keras

from keras_senet.layers import facts
from keras_senet.weights.fingerprint import described

logger = logging.getLogger("keras_senet")


def warn(path, description, model, *, others=(), activation=None, new_classifier=False):
    """Warns where a model differs from the file's in more than `weights=` takes over.

    Args:
        path: Path of the file.
        description: Dict that `fingerprint.describe` wrote, or `None`.
        model: Our model, which got the weights.
        others: Names of the layers and operations in the file that our model does not have.
        activation: That of the file's classifier where the file tells it, in a list.
        new_classifier: Whether the model's classifier keeps its random weights.
    """
    stored, ours = (_call(one) for one in (description, next(iter(described(model)), None)))
    has_classifier = any(layer.name == "head" for layer in model.layers) and not new_classifier
    texts = []
    if others:
        texts.append(f"layers that are not of this network, left out: {facts.listed(others)}")
    if stored.get("on_tensor") and not ours.get("on_tensor"):
        texts.append("a network built on an `input_tensor`; what stood before it is left out")
    if has_classifier and stored.get("include_top") is False:
        texts.append("a classifier `head` of another make than this package's, taken for it")
    elif has_classifier and stored:
        (theirs,) = activation or [stored["classifier_activation"]]
        # Who asks for logits means it. Any other activation may be the argument's default.
        if ours["classifier_activation"] not in (None, theirs):
            texts.append(
                f"a classifier that ends in {theirs!r}, and this one ends in "
                f"{ours['classifier_activation']!r}: pass classifier_activation={theirs!r} for it"
            )
    for text in texts:
        logger.warning("%s has %s. Outputs differ from the file's model.", path, text)


def others(config, model):
    """What a `.keras` file has beside a network.

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
        elif kind != "InputLayer" and is_other(name, names):
            found.append(name)
    return found


def activation_of(name, config):
    """A list of the activation of the layer of this name in a `.keras` file; `None` without."""
    for layer in _leaves(config):
        if layer["config"].get("name") == name and "activation" in layer["config"]:
            activation = layer["config"]["activation"]
            return [None if activation == "linear" else activation]
    return None


def is_other(name, names):
    """Whether a layer of a file is neither one of our model's nor of a classifier not wanted.

    Args:
        name: Of the layer in the file.
        names: Of the layers of our model.
    """
    wanted = "head" in names
    return name not in names and (wanted or not str(name).startswith("head"))


def _call(description):
    return ((description or {}).get("besides") or {}).get("call") or {}


def _leaves(config):
    """Configurations of all layers in a model's, without those of models."""
    inner = config.get("config")
    layers = inner.get("layers") if isinstance(inner, dict) else None
    if isinstance(layers, list):
        for layer in layers:
            if isinstance(layer, dict):
                yield from _leaves(layer)
    elif isinstance(inner, dict):
        yield config
