"""Our weights as files for others: in timm's layout, or in our own with what the network is."""

import pathlib

import keras
import numpy as np

from keras_senet.files import replacing
from keras_senet.layers import SqueezeExcitation, facts
from keras_senet.weights import fingerprint, metadata
from keras_senet.weights.kernels import as_in_torch
from keras_senet.weights.layouts.timm_computation import check_layers, layout_for
from keras_senet.weights.own_weights import own_variables

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
        path: Path of the `.safetensors` file, which appears whole or not at all.
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
        variables = layout_for(model, description["computation"]).variables(model)
        tensors = {name: as_in_torch(_array(variable)) for name, variable in variables}
        texts = metadata.pixels(model)
    else:
        tensors = {name: _array(variable) for name, variable in own_variables(model)}
        texts = metadata.described(description, model)
    tensors = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    with replacing(path) as partial:
        save_file(tensors, partial, metadata=texts)


def _description(model):
    """What the network is; an error where the model does not know, or was altered."""
    descriptions = fingerprint.described(model)
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
    check_layers(model, computation)
    return description


def _array(variable):
    return keras.ops.convert_to_numpy(variable).astype("float32", copy=False)
