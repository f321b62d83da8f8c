"""What a network costs: parameters, multiply-adds, activations and memory, layer by layer."""

import math
import pathlib
import re

import keras

from keras_senet.analysis.costs.cost import Cost, LayerCost
from keras_senet.analysis.costs.operations import operations, size
from keras_senet.extras import check_installed
from keras_senet.layers import ChannelAttention
from keras_senet.surgery.graph import Graph, check_channels_last, functional
from keras_senet.surgery.rewrite import check_call

# How names of our networks' layers begin, stage by stage; other networks have no stages.
BITS = re.compile(r"\d+")  # of "bfloat16", and of "float8_e4m3fn"; "bool" has none
STAGE = re.compile(r"(stem|stage\d+|head|preprocessing)")


def cost(model: keras.Model | str | pathlib.Path, input_size: int | None = None) -> Cost:
    """Counts what one image costs.

    Args:
        model: A functional or sequential `keras.Model` of any origin, on any backend, with channels
            last; or the path of a `.tflite` file.
        input_size: Height and width in pixels for a model that leaves them open.

    Returns:
        A `Cost`.

    Raises:
        TypeError: If the model is neither, or it or a model inside has a `call` of its own.
        ValueError: If a size stays open, channels come first, or a layer, a function of `keras.ops`
            or an operator of the file multiplies in a way that is not known here, so that its
            multiply-adds would be missing. Of layers that are neither Keras' nor of this package a
            warning says what is not counted.

    Example:
        >>> cost(keras_senet.SEResNet50()).macs
        3860488192
    """
    if isinstance(model, (str, pathlib.Path)):
        check_installed("ai_edge_litert", "export", f"Reading {model}")
        from keras_senet.analysis.costs.tflite_cost import tflite_cost

        return tflite_cost(model)
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise TypeError(
            "Expected a functional keras.Model (or a built sequential one), or the path of a "
            f".tflite file. Received: {model!r}"
        )
    check_call(model)
    check_channels_last(model)
    if input_size is not None:
        model = _sized(model, (input_size, input_size, model.inputs[0].shape[-1]))
    if None in model.inputs[0].shape[1:]:
        raise ValueError(
            f"Model {model.name!r} takes images of any size, {tuple(model.inputs[0].shape[1:])}. "
            "Pass input_size=224 (pixels), for example."
        )
    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs, model.outputs, name=model.name)
    return Cost(model.name, tuple(_layers(model, set())), _peak_bytes(model))


def _layers(model, seen):
    for node in Graph(model).nodes:
        layer = node.operation
        if isinstance(layer, keras.Model):
            yield from _layers(_inner(node), seen)
            continue
        weights = [] if layer in seen else getattr(layer, "weights", [])
        seen.add(layer)
        trainable = {id(weight) for weight in getattr(layer, "trainable_variables", [])}
        # Weights of a frozen layer count as parameters too: only moving statistics do not.
        statistics = [w for w in weights if id(w) not in trainable and "moving" in w.name]
        macs, additions = operations(layer, node)
        yield LayerCost(
            name=layer.name,
            kind=type(layer).__name__,
            stage=stage_of(layer.name),
            output_shape=tuple(node.output_tensors[0].shape[1:]),
            parameters=_count(weights) - _count(statistics),
            statistics=_count(statistics),
            macs=macs,
            additions=additions,
            activations=size(node.output_tensors[0]) if macs else 0,
            se=isinstance(layer, ChannelAttention) or "_se_" in f"{layer.name}_",
        )


def _inner(node):
    """The model that a call is of, at the size that it is called with."""
    check_call(node.operation)
    shapes = [tensor.shape[1:] for tensor in node.operation.inputs]
    is_open = any(None in shape for shape in shapes)
    return _sized(node.operation, node.input_tensors[0].shape[1:]) if is_open else node.operation


def _sized(model, shape):
    """A model on the same layers for images of one size."""
    model = functional(model)
    return keras.models.clone_model(model, keras.Input(shape), clone_function=lambda layer: layer)


def stage_of(name):
    """The stage that a layer's name begins with, `"-"` in networks that are not ours."""
    stage = STAGE.match(name)
    return stage.group(1) if stage else "-"


def _peak_bytes(model):
    nodes = Graph(model).nodes
    last_use = {
        id(tensor): index for index, node in enumerate(nodes) for tensor in node.input_tensors
    }
    last_use.update((id(tensor), len(nodes)) for tensor in model.outputs)
    alive = {id(tensor): _bytes(tensor) for tensor in model.inputs}
    peak = 0
    for index, node in enumerate(nodes):
        alive.update((id(tensor), _bytes(tensor)) for tensor in node.output_tensors)
        inside = _peak_bytes(_inner(node)) if isinstance(node.operation, keras.Model) else 0
        peak = max(peak, sum(alive.values()), inside)
        alive = {key: size for key, size in alive.items() if last_use.get(key, index) > index}
    return peak


def _bytes(tensor):
    bits = BITS.search(tensor.dtype)
    return size(tensor) * (int(bits[0]) // 8 if bits else 1)


def _count(weights):
    return sum(math.prod(weight.shape) for weight in weights)
