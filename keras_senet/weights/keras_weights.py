"""A weights file of Keras: which network it describes, and how its weights are loaded."""

import json
import logging
import pathlib
import re
import typing

from keras_senet.layers import ChannelAttention, ImageNormalization, facts
from keras_senet.layers.idle import is_idle_class
from keras_senet.weights.fingerprint import adopt, adopt_pixels, describe, described
from keras_senet.weights.keras_config import OF_STRIDE, check_config
from keras_senet.weights.kernels import adapt_stem
from keras_senet.weights.opened import (
    check_variance,
    is_new_classifier,
    take_names,
    warn_of_new_classifier,
)
from keras_senet.weights.readers.keras_file import read_config, read_keras_file
from keras_senet.weights.surroundings import is_other, others, stored_call, warn

logger = logging.getLogger("keras_senet")

# How the keys of SE blocks and their kin begin.
EXCITATIONS = (
    "squeeze_excitation",
    "efficient_channel_attention",
    "effective_se",
    "spatial_channel_se",
)


class KerasWeights:
    """A file of `model.save_weights` or `model.save`; its network may lie inside another model.

    Args:
        path: Path of the file.

    Attributes:
        classes: Number of classes, `None` without a classifier.
        headless: Whether it holds a network of ours without a classifier.

    Raises:
        ValueError: If the file cannot be read, holds several networks, or one that was quantized.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        if not self.path.is_file():
            raise ValueError(f"No weights file at {path}. Expected an existing file.")
        self.models = read_keras_file(self.path)
        described = [place for place in self.models if self._description(place) is not None]
        if len(described) > 1:
            names = [self._description(place)["besides"].get("name") for place in described]
            raise ValueError(
                f"{path} holds {len(described)} networks: {', '.join(map(str, names))}. Save the "
                "one that is wanted: model.get_layer(name).save_weights(path)."
            )
        self.place = described[0] if described else ""
        self.layers = self.models.get(self.place, [])
        self.description = self._description(self.place)
        for layer in self.layers:  # whose integers are no weights, and of int4 two in one
            if any(array.dtype == "int8" for array in layer.arrays.values()):
                raise ValueError(
                    f"{path} is of a network that Keras quantized: layer {layer.name or layer.key} "
                    "holds integers. Save the weights before model.quantize."
                )
        heads = [layer for layer in self.layers if layer.name == "head" and "0" in layer.arrays]
        ours = self.description or any(
            (layer.name or "").startswith("stage") for layer in self.layers
        )
        self.headless = bool(ours) and not heads and all(layer.name for layer in self.layers)
        self.classes = heads[0].arrays["0"].shape[-1] if heads else None

    def _description(self, place) -> typing.Any:
        """The description of the model at a place in the file, `None` where it has none."""
        for layer in self.models.get(place, ()):
            stored = layer.facts or {}
            if isinstance(stored.get("besides"), dict) and "family" in stored.get(
                "computation", {}
            ):
                return stored
        return None

    def fit(self, architecture):
        """`architecture` with the file's backbone, SE design, preprocessing and evaluation.

        Raises:
            ValueError: If the file is of another network; the message names the fields.
        """
        if self.description is None:
            own = json.loads(describe(architecture))["computation"]
            logger.warning("%s: %s, and is assumed to be of %s.", self.path, facts.UNSAID,
                           facts.told(own))  # fmt: skip
            return architecture
        try:
            architecture = adopt(architecture, self.description, self.path)
            views = [layer.facts.get("view") for layer in self.layers if layer.facts]
            view = next((one for one in views if isinstance(one, dict)), {})
            return adopt_pixels(architecture, self.description["besides"], view, self.path)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{self.path} describes its network in a way that cannot be read: {error!r}."
            ) from error

    def assign(self, model):
        """Checks that every array has its place in `model`, then sets all weights.

        Raises:
            ValueError: If a layer is missing, left over or of other shapes. The model is unchanged
                then.
        """
        config = read_config(self.path)
        if config is not None:
            check_config(config, model, self.path, self._free_arguments(model))
        stored = self._by_name(model)
        pairs = []
        for layer in model.layers:
            expected = _variables(layer)
            if expected and not self._is_fresh(layer, stored):
                pairs += self._pairs(layer, expected, stored)
        self._check_rest(model, stored)
        for variable, value in pairs:
            variable.assign(value)
        take_names(self, model)
        self._say_pixels(model)
        self._say_surroundings(model, config)

    def _free_arguments(self, model):
        """Arguments of layers that may differ: those of strides where the user chose another."""
        both = (self.description, *described(model))
        strides = {one["computation"].get("output_stride", 32) for one in both if one}
        return OF_STRIDE if len(strides) > 1 else ()

    def _by_name(self, model):
        if all(layer.name for layer in self.layers):
            return {layer.name: layer for layer in self.layers}
        # Files of old versions of Keras do not name layers, but number those of each class.
        by_key = {layer.key: layer for layer in self.layers}
        return {name: by_key[key] for name, key in _keys(model).items() if key in by_key}

    def _is_fresh(self, layer, stored):
        if not layer.name.startswith("head"):
            return False
        if layer.name != "head":
            return self.headless and layer.name not in stored
        if is_new_classifier(self, layer):
            warn_of_new_classifier(self, layer)
            return True
        return False

    def _pairs(self, layer, expected, stored):
        if layer.name not in stored or not stored[layer.name].arrays:
            raise ValueError(
                f"{self.path} has no layer {layer.name!r}, which this network needs. Its layers "
                f"are {facts.listed([one.name or one.key for one in self.layers]) or 'none'}. Is "
                "it the file of another network?"
            )
        arrays = stored[layer.name].arrays
        if getattr(layer, "network", None) is not None and "0" in arrays:
            arrays = {**arrays, "0": adapt_stem(arrays["0"], layer.kernel.shape[2])}
        shapes = {key: tuple(value.shape) for key, value in arrays.items()}
        wanted = {key: tuple(variable.shape) for key, variable in expected.items()}
        if shapes != wanted:
            raise ValueError(
                f"Layer {layer.name!r} of {self.path} has the shapes "
                f"{list(shapes.values())}. Expected: {list(wanted.values())}. Is it the file of "
                "another network?"
            )
        for key, variable in expected.items():
            check_variance(self.path, layer.name, variable, arrays[key])
        return [(variable, arrays[key]) for key, variable in expected.items()]

    def _check_rest(self, model, stored):
        names = {layer.name for layer in model.layers}
        rest = [
            (name, layer)
            for name, layer in stored.items()
            if layer.arrays and name not in names and not name.startswith("head")
        ]
        excitations = [name for name, layer in rest if layer.key.startswith(EXCITATIONS)]
        if excitations or (rest and self.description is None):
            raise ValueError(
                f"{self.path} has a layer {(excitations or [rest[0][0]])[0]!r} ({len(rest)} left "
                "over), for which this network has no place. Is it the file of another network, "
                "or of one after `add_se`?"
            )

    def _say_surroundings(self, model, config):
        names = {layer.name for layer in model.layers}
        heads = [layer for layer in model.layers if layer.name == "head"]
        if config is not None:
            found = others(config, model)
        else:
            stored = [layer for layers in self.models.values() for layer in layers]
            found = [one.name for one in stored if one.name and self._is_left_out(one, names)]
        if self._free_arguments(model):  # a convolution with another stride has another padding
            found = [name for name in found if not name.endswith("_pad")]
        is_new = any(is_new_classifier(self, layer) for layer in heads)
        call = stored_call(self.description, config)
        warn(self.path, call, model, others=found, new_classifier=is_new)

    def _is_left_out(self, layer, names):
        is_model = f"layers/{layer.key}" in self.models
        is_input = layer.key.startswith("input_layer")
        is_part = is_input or is_idle_class(layer.key)
        return not is_model and not is_part and is_other(layer.name, names)

    def _say_pixels(self, model):
        besides = (self.description or {}).get("besides", {"include_preprocessing": True})
        normalizes = any(isinstance(layer, ImageNormalization) for layer in model.layers)
        if normalizes and not besides.get("include_preprocessing"):
            logger.warning(
                "%s is of a model that took normalized pixels. They are assumed to have had the "
                "mean and deviation of its architecture.",
                self.path,
            )


def _variables(layer):
    """Variables of a layer by the keys that Keras gives them in a file."""
    inner = {"": layer}
    if isinstance(layer, ChannelAttention):
        inner |= {f"{name}/": getattr(layer, name) for name in layer.parts}
    found = {}
    for prefix, one in inner.items():
        own = {}
        if one.weights:
            one.save_own_variables(own)
        found |= {prefix + key: variable for key, variable in own.items()}
    return found


def _keys(model):
    """Keys of the layers' groups in a file, the class and a number, by the layers' names."""
    counts, keys = {}, {}
    for layer in model.layers:
        kind = re.sub(r"\W+", "", type(layer).__name__)
        kind = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind))
        kind = kind.lower()
        number = counts[kind] = counts.get(kind, -1) + 1
        keys[layer.name] = f"{kind}_{number}" if number else kind
    return keys
