"""The cost of an exported .tflite file, read from its operations."""

import math
import pathlib
import re

from ai_edge_litert import schema_py_generated as schema

from keras_senet.analysis.costs.cost import Cost, LayerCost
from keras_senet.export.tflite.flatbuffer import IDENTIFIER, check_closed, parsed

OPERATORS = {
    value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")
}
# Operators with a kernel: which of their inputs it is, and the multiply-adds of each output, or of
# each number that they read, by its shape.
FAN_IN = {
    "CONV_2D": (1, lambda kernel: math.prod(kernel[1:])),  # (filters, kh, kw, C / groups)
    "CONV_3D": (1, lambda kernel: math.prod(kernel[:-1])),  # (kd, kh, kw, C, filters)
    "DEPTHWISE_CONV_2D": (1, lambda kernel: math.prod(kernel[1:3])),  # (1, kh, kw, C)
    "FULLY_CONNECTED": (1, lambda kernel: kernel[1]),  # (units, C)
    "TRANSPOSE_CONV": (1, lambda kernel: math.prod(kernel[:-1])),  # (filters, kh, kw, C)
}
POOLINGS = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "MEAN", "REDUCE_MAX")
# Operators that may multiply, without a rule here: recurrent ones, and graphs inside the graph.
UNKNOWN = re.compile(r"LSTM|RNN|SVDF|CUSTOM|DELEGATE|WHILE|^IF$|^CALL$|CONV_3D_TRANSPOSE|STABLEHLO")


def tflite_cost(path):
    """Counts the operations of a file; see `cost`.

    Args:
        path: A `.tflite` file.

    Returns:
        A `Cost`; `parameters` are the constants of convolutions and matrix products, into which
        normalization is folded.

    Raises:
        ValueError: If it is no such file, leaves a size open, or has an operator that may multiply
            and is not known here.
    """
    data = pathlib.Path(path).read_bytes()
    if data[4:8] != IDENTIFIER:
        raise ValueError(
            f"{path} is no .tflite file: its identifier is {data[4:8]!r}, not {IDENTIFIER!r}."
        )
    model = parsed(data)
    graph = model.subgraphs[0]
    images = [graph.tensors[index] for index in graph.inputs]
    for image in images:
        check_closed(path, image.shape, image.shapeSignature)
    batch = int(images[0].shape[0])
    counted = set()
    return Cost(
        pathlib.Path(path).name,
        tuple(_operation(model, graph, operator, batch, counted) for operator in graph.operators),
    )


def _operation(model, graph, operator, batch, counted):
    """What an operator costs for one of `batch` images, without the constants `counted` before."""
    code = model.operatorCodes[operator.opcodeIndex]
    kind = OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]
    output = graph.tensors[operator.outputs[0]]
    name = output.name.decode().split(";")[0]
    shape = tuple(map(int, output.shape))
    if UNKNOWN.search(kind):
        raise ValueError(f"The multiply-adds of {name!r} are unknown: no rule for {kind}.")
    inputs = [graph.tensors[index] if index >= 0 else None for index in operator.inputs]
    read = [[] if x is None or x.shape is None else list(map(int, x.shape)) for x in inputs]
    macs = additions = 0
    constants = []
    if kind in FAN_IN:
        place, fan_in = FAN_IN[kind]
        each = math.prod(read[2] if kind == "TRANSPOSE_CONV" else shape)
        macs = each * fan_in(read[place])
        bias = 3 if kind == "TRANSPOSE_CONV" else 2
        constants = [place, *([bias] if len(inputs) > bias else [])]
    elif kind == "BATCH_MATMUL":
        macs = math.prod(shape) * read[0][-2 if operator.builtinOptions.adjX else -1]
        constants = [place for place in (0, 1) if _is_constant(model, inputs[place])]
    elif kind in POOLINGS:
        options = operator.builtinOptions
        window = getattr(options, "filterHeight", 0) * getattr(options, "filterWidth", 0)
        additions = math.prod(shape) * window if window else math.prod(read[0])
    parameters = 0
    for place in constants:
        index = int(operator.inputs[place])
        if index >= 0 and index not in counted:
            counted.add(index)
            parameters += math.prod(read[place])
    return LayerCost(
        name=name,
        kind=kind,
        stage="-",
        output_shape=shape[1:],
        parameters=parameters,
        macs=macs // batch,
        additions=additions // batch,
        activations=math.prod(shape) // batch if macs else 0,
        se="_se_" in name or "_se/" in name,
    )


def _is_constant(model, tensor):
    """Whether a tensor's values are in the file."""
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0
