"""The weights of a model written to a file: in timm's layout, or in our own."""

import os
import pathlib

import keras
import numpy as np
from safetensors.numpy import save

from keras_senet.files import replacing
from keras_senet.layers import ChannelAttention, facts
from keras_senet.weights import fingerprint, metadata
from keras_senet.weights.kernels import as_in_torch
from keras_senet.weights.layouts.timm_computation import layout_for
from keras_senet.weights.own_weights import own_variables
from keras_senet.weights.structure import structure
from keras_senet.weights.surroundings import stored_call

TIMM = ("ResNet", "RegNet", "EfficientNet", "MobileNetV3")  # families that it has too
LAYOUTS = (None, "timm", "keras_senet")


def export_weights(model: keras.Model, path: str | os.PathLike, layout: str | None = None) -> None:
    """Writes the weights of a network to a `.safetensors` file.

    ResNet, RegNet, EfficientNet and MobileNetV3 are written in timm's layouts, a ResNet with
    Caffe's stem pooling in that of `legacy_seresnet50`, with PyTorch's in that of `resnet50` and
    `seresnet50`. `timm.create_model(...).load_state_dict` takes the tensors with `strict=True`; a
    network for which timm computes something else is refused. All other networks are written in our
    own layout, whose metadata describes the network: `weights="file.safetensors"` gives the same
    outputs. The metadata of both layouts says how pixels are normalized, and in timm's which of its
    two backbones the network has. Low-rank adapters (Keras' `enable_lora`) are added to their
    kernels.

    Args:
        model: A `keras.Model` of this package, with its classifier for timm's layout.
        path: Path of the `.safetensors` file, which appears whole or not at all.
        layout: `"timm"`, `"keras_senet"`, or `None` for timm's where timm has the family.

    Raises:
        ValueError: If no architecture of this package built the model, Keras quantized it, timm
            has no such network or computes something else, or `path` does not end in
            `.safetensors`.

    Example:
        >>> export_weights(keras_senet.SEResNet20(), "digits.safetensors")
        >>> model = keras_senet.SEResNet20(weights="digits.safetensors")
    """
    path = pathlib.Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"Expected a path that ends in .safetensors. Received: {path}")
    if layout not in LAYOUTS:
        raise ValueError(f"Argument `layout` must be one of {LAYOUTS}. Received: {layout!r}")
    description = _description(model)
    timm_has_it = description["computation"]["family"] in TIMM
    if layout == "timm" or (layout is None and timm_has_it):
        variables = layout_for(model, description["computation"]).variables(model)
        tensors = {name: as_in_torch(value) for name, value in _arrays(model, variables)}
        texts = metadata.of_timm(model, description["computation"])
    else:
        tensors = dict(_arrays(model, own_variables(model)))
        texts = metadata.described(description, model)
    tensors = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    with replacing(path) as partial:
        # Not by `save_file`, whose files nobody but their owner may read.
        partial.write_bytes(save(tensors, metadata=texts))


def _description(model):
    """The description that the model carries; an error where it has none, or was altered."""
    descriptions = fingerprint.described(model)
    if len(descriptions) != 1 or any(isinstance(layer, keras.Model) for layer in model.layers):
        raise ValueError(
            f"{model.name!r} does not say which network it is, and its file could not either. "
            "Expected a model that an architecture of keras_senet built (not a folded one, a model "
            "around it, or one saved by an earlier version)."
        )
    (description,) = descriptions
    if not any(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers):
        raise ValueError(
            f"{model.name!r} has no batch normalization: it was folded, and the layers that are "
            "left have other weights. Write those of the model before `fold`."
        )
    computation = description["computation"]
    if computation.get("added_se") is not None:
        raise ValueError(
            f"{model.name!r} got SE blocks by add_se, which no file layout knows. Use "
            "model.save_weights, or model.save."
        )
    removed = computation.get("removed_se")
    if removed:
        raise ValueError(
            f"{model.name!r} lacks SE blocks that remove_se took out ({facts.listed(removed)}), "
            "which no file layout knows. Use model.save."
        )
    call = stored_call(description)
    built = description["besides"].get("structure")  # which earlier versions did not record
    # What is around a network the file tells, and who loads it is warned.
    is_whole = not call.get("on_tensor") and call.get("include_top") is not False
    if is_whole and built is not None and structure(model) != built:
        raise ValueError(
            f"{model.name!r} was altered after it was built: layers or operations were added, "
            "replaced or connected otherwise, which no file layout can say. Use model.save."
        )
    _check_layers(model, computation)
    return description


def _check_layers(model, computation):
    """Refuses models whose SE blocks, normalizations or activations were altered after building."""
    _check_se(model, computation["se"])
    default = 1e-3 if computation["family"] == "InceptionResNet" else 1e-5
    epsilon = computation.get("epsilon", default)
    known = {"relu", computation.get("activation", "relu")}
    known |= {stage.get("activation", "relu") for stage in computation.get("stages", ())}
    known |= {keras.activations.serialize(keras.activations.get(name)) for name in known}
    for layer in model.layers:
        wrong = None
        if isinstance(layer, keras.layers.BatchNormalization):
            wrong = abs(layer.epsilon - epsilon) > 1e-3 * epsilon and f"epsilon={layer.epsilon}"
        elif isinstance(layer, keras.layers.Activation):
            name = keras.activations.serialize(layer.activation)
            wrong = name not in known and f"activation={name!r}"
        if wrong:
            raise ValueError(
                f"Layer {layer.name!r} of {model.name!r} was altered after the network was built: "
                f"{wrong}. No file layout can say so."
            )


def _check_se(model, se):
    for layer in model.layers:
        if isinstance(layer, ChannelAttention):
            found = layer.computation()
            texts = facts.differences(found, {name: se and se.get(name) for name in found})
            if texts:
                raise ValueError(
                    f"Layer {layer.name!r} of {model.name!r} was altered after the network was "
                    f"built: {facts.listed([text.split(':')[0] for text in texts])}."
                )


def _arrays(model, variables):
    """Names and float32 arrays of variables, as the network computes with them."""
    adapters, kernels = set(), {}
    for layer in _parts(model):
        if getattr(layer, "quantization_mode", None):
            raise ValueError(
                f"Layer {layer.name!r} of {model.name!r} was quantized by Keras "
                f"({layer.quantization_mode}): its integers mean nothing without their scales, "
                "which no file layout has. Write the weights before model.quantize."
            )
        if getattr(layer, "lora_enabled", False):
            adapters |= {id(layer.lora_kernel_a), id(layer.lora_kernel_b)}
            kernels[id(layer._kernel)] = layer.kernel
    for name, variable in variables:
        if id(variable) not in adapters:
            value = keras.ops.convert_to_numpy(kernels.get(id(variable), variable))
            yield name, value.astype("float32", copy=False)


def _parts(model):
    """The layers of a network, and those inside of its SE blocks."""
    for layer in model.layers:
        yield layer
        yield from (part for part in vars(layer).values() if isinstance(part, keras.Layer))
