"""Our weights as files for others: in timm's layout, or in our own with what the network is."""

import json
import pathlib

import keras
import numpy as np

from keras_senet.layers import ImageNormalization, SqueezeExcitation, facts
from keras_senet.weights.fingerprint import described
from keras_senet.weights.layouts import timm_computation
from keras_senet.weights.layouts.pytorchcv import MOBILENET_V3
from keras_senet.weights.layouts.table import LEGACY, TIMM, TIMM_POOLED
from keras_senet.weights.own_weights import KEY, own_variables

LAYOUTS = (None, "timm", "keras_senet")


def export_weights(model, path, layout=None):
    """Writes the weights of a network to a `.safetensors` file.

    Residual networks for photographs and MobileNetV3 are written as timm names and orders them:
    a trunk of Caffe's pooling in timm's `legacy_*` layout, PyTorch's in the layout of `resnet50`,
    `seresnet50` and their relatives. `timm.create_model(...).load_state_dict` takes it with
    `strict=True`; what timm computes otherwise is refused. All others are written in our own
    layout, whose metadata says what the network is: `weights="file.safetensors"` gives the same
    outputs. Either says how pixels were normalized.

    Args:
        model: A `keras.Model` of this package, with its classifier for timm's layout.
        path: Path of the `.safetensors` file, written under another name and renamed.
        layout: `"timm"`, `"keras_senet"`, or `None` for timm's where timm has the family.

    Raises:
        ValueError: If the model is not that of an architecture, timm has no such network or
            computes it otherwise, or `path` does not end in `.safetensors`.
        ImportError: If safetensors is not installed.

    Example:
        >>> model = keras_senet.SEResNet50(weights="timm/seresnet50.a1_in1k")  # doctest: +SKIP
        >>> export_weights(model, "seresnet50.safetensors")  # doctest: +SKIP
    """
    try:
        from safetensors.numpy import save_file
    except ImportError as error:
        raise ImportError(
            "Exporting weights needs safetensors: pip install 'keras-senet[weights]'"
        ) from error
    path = pathlib.Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"Expected a path that ends in .safetensors. Received: {path}")
    if layout not in LAYOUTS:
        raise ValueError(f"Argument `layout` must be one of {LAYOUTS}. Received: {layout!r}")
    description = _description(model)
    timm_has_it = description["computation"]["family"] in ("ResNet", "MobileNetV3")
    if layout == "timm" or (layout is None and timm_has_it):
        names = _timm_layout(model, description)
        tensors = {name: _as_in_torch(variable) for name, variable in names.variables(model)}
        metadata = {"format": "pt", **_preprocessing(model)}
    else:
        tensors = {name: _array(variable) for name, variable in own_variables(model)}
        metadata = {KEY: json.dumps({**description, "view": _view(model)})}
    part = path.with_name(f"{path.name}.part")
    try:
        save_file(tensors, part, metadata=metadata)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _description(model):
    """What the network is; an error where the model does not know, or was altered."""
    descriptions = described(model)
    if len(descriptions) != 1 or any(isinstance(layer, keras.Model) for layer in model.layers):
        raise ValueError(
            f"{model.name!r} does not say which network it is, and its file could not either. "
            "Expected a model that an architecture of keras_senet built (not a folded one, a model "
            "around it, or one saved by an earlier version)."
        )
    (description,) = descriptions
    computation = description["computation"]
    if computation.get("added_se") is not None:
        raise ValueError(
            f"{model.name!r} got SE blocks by add_se, which no file layout knows. Use "
            "model.save_weights, or model.save."
        )
    own = {"squeeze": None, "gate": None, "activation": None}
    own = {name: (computation["se"] or own)[name] for name in own}
    for layer in model.layers:
        if isinstance(layer, SqueezeExcitation):
            activation = keras.activations.serialize(layer.activation)
            found = {"squeeze": layer.squeeze, "gate": layer.gate, "activation": activation}
            texts = facts.differences(found, own)
            if texts:
                raise ValueError(
                    f"Layer {layer.name!r} of {model.name!r} was altered after the network was "
                    f"built: {facts.listed([text.split(':')[0] for text in texts])}."
                )
    timm_computation.check_layers(model, computation)
    return description


def _timm_layout(model, description):
    """The layout of timm for this model's trunk, whose network computes the same."""
    layers = {layer.name: layer for layer in model.layers}
    if "head" not in layers:
        raise ValueError(
            f"{model.name!r} has no classifier to export. Use include_top=True, or "
            "layout='keras_senet'."
        )
    computation = description["computation"]
    if computation["family"] == "MobileNetV3":
        timm_computation.check_mobilenet(model, computation)
        return MOBILENET_V3
    if computation["family"] != "ResNet":
        raise ValueError(
            f"timm has no layout for {model.name!r}. Expected a network of ResNet or MobileNetV3, "
            "or layout='keras_senet'."
        )
    timm_computation.check_resnet(model, computation)
    if computation["stem_pool"] == "ceil":
        return LEGACY
    return TIMM_POOLED if computation["shortcut"] == "pool" else TIMM


def _array(variable):
    return np.ascontiguousarray(keras.ops.convert_to_numpy(variable).astype("float32", copy=False))


def _as_in_torch(variable):
    value = _array(variable)
    if value.ndim == 4 and value.shape[3] == 1 < value.shape[2]:
        value = value.transpose(2, 3, 0, 1)  # depthwise
    elif value.ndim == 4:
        value = value.transpose(3, 2, 0, 1)
    elif value.ndim == 2:
        value = value.T
    return np.ascontiguousarray(value)


def _view(model):
    for layer in model.layers:
        if isinstance(layer, ImageNormalization):
            return {"size": layer.size, "crop": layer.crop, "interpolation": layer.interpolation}
    return {}


def _preprocessing(model):
    for layer in model.layers:
        if isinstance(layer, ImageNormalization):
            std = [1 / (255 * scale) for scale in layer.scale]
            mean = [-offset * one for offset, one in zip(layer.offset, std, strict=True)]
            view = {"mean": mean, "std": std, "crop_pct": layer.crop, "size": layer.size}
            view["interpolation"] = layer.interpolation
            return {key: json.dumps(value) for key, value in view.items()}
    return {}
