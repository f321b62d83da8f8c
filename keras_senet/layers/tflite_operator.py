"""Operators of TensorFlow Lite without weights, as a Keras layer."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

ACTIVATIONS = {
    "none": lambda x: x,
    "relu": ops.relu,
    "relu6": ops.relu6,
    "tanh": ops.tanh,
}
# In the order of the schema's codes; the third, a clip to -1..1, no network of Keras has.
FUSED = ("none", "relu", None, "relu6", "tanh")


@keras.saving.register_keras_serializable(package="keras_senet")
class TFLiteOperator(keras.layers.Layer):
    """One builtin operator of TensorFlow Lite in float32, on any number of images.

    Args:
        kind: Name of the operator, a key of `OPERATORS`.
        options: Dict of its options, by the schema's names in its Python code, such as
            `{"keepDims": True}`.
        arguments: What it takes, in its order: `None` for a tensor, or a constant: a dict of
            `dtype`, a name, and `value`, numbers in nested lists.
        **kwargs: `name`, as for every Keras layer.

    Input: a tensor, or a list of as many as `arguments` has `None`. The first axis is the batch.
    Output: a tensor, or a list of them.

    Raises:
        ValueError: If there is no such operator here.

    Reference:
        https://www.tensorflow.org/mlir/tfl_ops

    Example:
        >>> axes = {"dtype": "int32", "value": [1, 2]}
        >>> mean = TFLiteOperator("MEAN", {"keepDims": True}, [None, axes])
        >>> mean(keras.ops.ones((2, 4, 4, 3))).shape
        TensorShape([2, 1, 1, 3])
    """

    def __init__(self, kind: str, options: dict, arguments: Sequence[dict | None], **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        if kind not in OPERATORS:
            raise ValueError(
                f"Argument `kind` must be one of {', '.join(OPERATORS)}. Received: {kind!r}"
            )
        self.kind, self.options, self.arguments = kind, dict(options), list(arguments)

    def call(self, inputs: keras.KerasTensor | list) -> keras.KerasTensor | list:
        """Computes the operator."""
        tensors = iter(inputs if isinstance(inputs, (list, tuple)) else [inputs])
        arguments = [next(tensors) if one is None else constant(one) for one in self.arguments]
        return OPERATORS[self.kind](self.options, *arguments)

    def get_config(self) -> dict:
        """All constructor arguments, for serialization."""
        return {
            **super().get_config(),
            "kind": self.kind,
            "options": self.options,
            "arguments": self.arguments,
        }


def constant(argument: dict) -> np.ndarray:
    """The constant of an operator as an array."""
    return np.array(argument["value"], argument["dtype"])


def _activated(options, x):
    return ACTIVATIONS[FUSED[options.get("fusedActivationFunction", 0)]](x)


def _binary(function):
    return lambda options, a, b: _activated(options, function(a, b))


def _reduction(function):
    def reduce(options, x, axes):
        axes = tuple(int(axis) for axis in np.ravel(axes))
        return function(x, axis=axes, keepdims=bool(options["keepDims"]))

    return reduce


def _pooling(function):
    def pool(options, x):
        size = options["filterHeight"], options["filterWidth"]
        strides = options["strideH"], options["strideW"]
        padding = padding_of(options)
        pooled = function(x, size, strides, padding, data_format="channels_last")
        return _activated(options, pooled)

    return pool


def padding_of(options: dict) -> str:
    """Keras' name of the padding in an operator's options."""
    return ("same", "valid")[options["padding"]]


def _reshape(options, x, shape):
    if shape[0] not in (1, -1):
        raise ValueError(f"A reshape to {shape.tolist()} mixes the images of a batch.")
    return ops.reshape(x, (-1, *map(int, shape[1:])))


def _transpose(options, x, order):
    if order[0] != 0:
        raise ValueError(f"A transposition by {order.tolist()} moves the axis of the batch.")
    return ops.transpose(x, [int(axis) for axis in order])


def _concatenate(options, *tensors):
    return _activated(options, ops.concatenate(tensors, axis=options["axis"]))


def _split(options, axis, x):
    return list(ops.split(x, options["numSplits"], axis=int(axis)))


def _slice(options, x, begin, size):
    ends = [b + s if s >= 0 else None for b, s in zip(begin, size, strict=True)]
    return x[(slice(None), *map(slice, begin[1:], ends[1:]))]


def _strided_slice(options, x, begin, end, strides):
    if options["ellipsisMask"] or options["newAxisMask"] or options["shrinkAxisMask"] & 1:
        raise ValueError("A slice with new axes, an ellipsis or without the axis of the batch.")
    parts: list[slice | int] = [slice(None)]
    for axis in range(1, len(begin)):
        bit = 1 << axis
        first, last, step = int(begin[axis]), int(end[axis]), int(strides[axis])
        if options["shrinkAxisMask"] & bit:
            parts.append(first)
            continue
        first = None if options["beginMask"] & bit else first
        parts.append(slice(first, None if options["endMask"] & bit else last, step))
    return x[tuple(parts)]


def _pad(options, x, padding, value=0.0):
    return ops.pad(x, padding.tolist(), constant_values=float(np.ravel(value)[0]))


def _squeeze(options, x):
    return ops.squeeze(x, axis=tuple(int(axis) for axis in options["squeezeDims"]))


def _expand(options, x, axis):
    return ops.expand_dims(x, int(np.ravel(axis)[0]))


def _unary(function):
    return lambda options, x: function(x)


OPERATORS = {
    "ABS": _unary(ops.abs),
    "ADD": _binary(ops.add),
    "AVERAGE_POOL_2D": _pooling(ops.average_pool),
    "CONCATENATION": _concatenate,
    "DIV": _binary(ops.divide),
    "EXPAND_DIMS": _expand,
    "HARD_SWISH": _unary(ops.hard_silu),
    "LOGISTIC": _unary(ops.sigmoid),
    "MAXIMUM": _binary(ops.maximum),
    "MAX_POOL_2D": _pooling(ops.max_pool),
    "MEAN": _reduction(ops.mean),
    "MINIMUM": _binary(ops.minimum),
    "MUL": _binary(ops.multiply),
    "PAD": _pad,
    "PADV2": _pad,
    "REDUCE_MAX": _reduction(ops.max),
    "RELU": _unary(ops.relu),
    "RELU6": _unary(ops.relu6),
    "RESHAPE": _reshape,
    "SLICE": _slice,
    "SOFTMAX": _unary(ops.softmax),
    "SPLIT": _split,
    "SQUEEZE": _squeeze,
    "STRIDED_SLICE": _strided_slice,
    "SUB": _binary(ops.subtract),
    "SUM": _reduction(ops.sum),
    "TANH": _unary(ops.tanh),
    "TRANSPOSE": _transpose,
}
