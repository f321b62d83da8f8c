"""Files of models that take integers: the network in floats, and pixels in front of it."""

import numpy as np

from keras_senet.export.tflite.flatbuffer import (
    add_tensor,
    is_kind,
    new_operator,
    parsed,
    replace_ends,
    serialized,
)

BYTES = ("uint8", "int8")


def float_part(network):
    """The network behind the cast of its integer pixels to float32.

    Args:
        network: Bytes of a `.tflite` file.

    Returns:
        Bytes of the file that takes float32, or `None` if the first operator is no such cast, or
        others read the integers too.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = parsed(network)
    graph = model.subgraphs[0]
    pixels = int(graph.inputs[0])
    readers = [operator for operator in graph.operators if pixels in list(operator.inputs)]
    if len(readers) != 1 or not is_kind(model, readers[0], "CAST"):
        return None
    floats = int(readers[0].outputs[0])
    if graph.tensors[floats].type != schema.TensorType.FLOAT32:
        return None
    graph.operators = [operator for operator in graph.operators if operator is not readers[0]]
    replace_ends(model, {pixels: floats})
    _remove(model, graph, pixels)
    return serialized(model)


def with_integer_pixels(network, dtype):
    """A network that takes float32 pixels, to take the same values as integers.

    Bytes become floats by dequantization with a scale of 1, an operator that XNNPACK runs, wider
    integers by a cast.

    Args:
        network: Bytes of a `.tflite` file.
        dtype: Name of the type of integers.

    Returns:
        Bytes of the file.
    """
    model = parsed(network)
    graph = model.subgraphs[0]
    floats = int(graph.inputs[0])
    pixels = add_tensor(model, floats, "pixels", dtype, scale=1.0 if dtype in BYTES else None)
    kind = "DEQUANTIZE" if dtype in BYTES else "CAST"
    graph.operators = [new_operator(model, kind, pixels, floats), *graph.operators]
    replace_ends(model, {floats: pixels})
    return serialized(model)


def _remove(model, graph, index):
    """Takes out a tensor that no operator reads: calibration fails on one."""
    last = len(graph.tensors) - 1
    graph.tensors[index] = graph.tensors[last]
    graph.tensors.pop()

    def moved(indices):
        return np.array([index if one == last else one for one in indices], "int32")

    for operator in graph.operators:
        operator.inputs, operator.outputs = moved(operator.inputs), moved(operator.outputs)
        if operator.intermediates is not None:
            operator.intermediates = moved(operator.intermediates)
    replace_ends(model, {last: index}, {last: index})
