"""What one call of a layer, or of a function of `keras.ops`, costs for one image."""

import math
import warnings

from keras import layers

from keras_senet.analysis.costs.attention import attention_operations
from keras_senet.layers import ChannelAttention
from keras_senet.surgery.made_by import is_keras

OURS = ("keras", "keras_senet", "torch", "builtins")
# Layers and functions of Keras without a kernel of their own that multiply all the same.
PRODUCTS = (
    "AdditiveAttention",
    "Attention",
    "ConvTranspose",
    "Correlate",
    "Cross",
    "Dot",
    "DotProductAttention",
    "Einsum",
    "Inner",
    "Kron",
    "Outer",
    "SeparableConv",
    "Tensordot",
    "Vdot",
    "Vecdot",
)


def operations(layer, node):
    """Multiply-adds, and additions of pooling, of one call.

    Args:
        layer: The `keras.Operation` that is called.
        node: The call.

    Raises:
        ValueError: If it multiplies, and no rule here says how often. Of a layer that is not
            Keras' and has no matrix, a warning says that it counts as nothing.
    """
    inputs, outputs = node.input_tensors[0], node.output_tensors[0]
    kind = type(layer).__name__ if is_keras(layer) else ""
    if isinstance(layer, ChannelAttention):
        return attention_operations(layer, inputs.shape[1:])
    if isinstance(layer, layers.Layer):
        found = _of_layer(layer, inputs, outputs)
    else:
        found = _of_function(kind, layer, node.arguments.args, inputs, outputs)
    if found is not None:
        if _has_own_call(layer):
            warnings.warn(
                f"Layer {layer.name!r} counts as what its class {type(layer).__name__} is made "
                "from; what its own `call` does besides is not known here.",
                stacklevel=2,
            )
        return found
    weights = getattr(layer, "weights", [])
    if kind in PRODUCTS or any("kernel" in x.name for x in weights) or _has_matrix(layer, weights):
        raise ValueError(
            f"The multiply-adds of layer {layer.name!r} are unknown: no rule for a layer of class "
            f"{type(layer).__name__}. Known are convolutions, Dense, ChannelAttention, and "
            "keras.ops.conv, depthwise_conv and matmul."
        )
    if isinstance(layer, layers.Lambda) or not _is_ours(layer):
        warnings.warn(
            f"What layer {layer.name!r} of class {type(layer).__name__} computes is not known "
            "here: it counts as no operations.",
            stacklevel=2,
        )
    return 0, 0


def size(tensor):
    """How many numbers of one image a tensor holds."""
    return math.prod(tensor.shape[1:])


def _of_layer(layer, inputs, outputs):
    if isinstance(layer, (layers.DepthwiseConv1D, layers.DepthwiseConv2D)):
        return size(outputs) * math.prod(layer.kernel_size), 0
    if isinstance(layer, (layers.SeparableConv1D, layers.SeparableConv2D)):
        middle = inputs.shape[-1] * layer.depth_multiplier
        pixels = size(outputs) // layer.filters
        return pixels * middle * (math.prod(layer.kernel_size) + layer.filters), 0
    if isinstance(layer, (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)):
        return size(inputs) * math.prod(layer.kernel_size) * layer.filters, 0
    if isinstance(layer, (layers.Conv1D, layers.Conv2D, layers.Conv3D)):
        fan_in = math.prod(layer.kernel_size) * inputs.shape[-1] // layer.groups
        return size(outputs) * fan_in, 0
    if isinstance(layer, layers.Dense):
        return size(outputs) * inputs.shape[-1], 0
    name = type(layer).__name__
    if not is_keras(layer) or "Pooling" not in name:
        return None
    window = 0 if "Global" in name else size(outputs) * math.prod(layer.pool_size)
    return 0, window or size(inputs)


def _of_function(kind, function, arguments, inputs, outputs):
    if kind == "Conv":
        return size(outputs) * math.prod(arguments[1].shape[:-1]), 0
    if kind == "DepthwiseConv":
        return size(outputs) * math.prod(arguments[1].shape[:-2]), 0
    if kind == "Matmul":
        return size(outputs) * arguments[0].shape[-1], 0
    if kind in ("AveragePool", "MaxPool"):
        window, dimensions = function.pool_size, len(inputs.shape) - 2
        count = window**dimensions if isinstance(window, int) else math.prod(window)
        return 0, size(outputs) * count
    if kind in ("Max", "Mean", "Sum"):
        return 0, size(inputs)
    return None


def _has_own_call(layer):
    """Whether a class of a user's says what the layer computes."""
    kinds = [kind for kind in type(layer).__mro__ if kind.__module__.split(".")[0] not in OURS]
    return any("call" in vars(kind) for kind in kinds)


def _has_matrix(layer, weights):
    """Whether a layer that is not Keras' has a weight of two or more axes."""
    return not is_keras(layer) and any(len(weight.shape) > 1 for weight in weights)


def _is_ours(layer):
    return type(layer).__module__.split(".")[0] in OURS
