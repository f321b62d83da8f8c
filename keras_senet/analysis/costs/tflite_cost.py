"""The cost of an exported .tflite file, read from its operations."""

import math
import pathlib

from ai_edge_litert import schema_py_generated as schema

from keras_senet.analysis.costs.cost import Cost, LayerCost

OPERATORS = {
    value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")
}
# Operators whose second input is a kernel, and the multiply-adds of each output by its shape.
FAN_IN = {
    "CONV_2D": lambda kernel: math.prod(kernel[1:]),  # (filters, kh, kw, C / groups)
    "DEPTHWISE_CONV_2D": lambda kernel: math.prod(kernel[1:3]),  # (1, kh, kw, C)
    "FULLY_CONNECTED": lambda kernel: kernel[1],  # (units, C)
}
POOLINGS = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "MEAN")


def tflite_cost(path):
    """Counts the operations of a file; see `cost`.

    Args:
        path: A `.tflite` file.

    Returns:
        A `Cost`; `parameters` are the constants of convolutions and matrix products, into which
        normalization is folded.

    Raises:
        ValueError: If it is no such file, or leaves a size open.
    """
    data = pathlib.Path(path).read_bytes()
    if data[4:8] != b"TFL3":
        raise ValueError(
            f"{path} is no .tflite file: its identifier is {data[4:8]!r}, not b'TFL3'."
        )
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(data, 0))
    graph = model.subgraphs[0]
    return Cost(
        pathlib.Path(path).name,
        tuple(_operation(model, graph, operator) for operator in graph.operators),
    )


def _operation(model, graph, operator):
    code = model.operatorCodes[operator.opcodeIndex]
    kind = OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]
    output = graph.tensors[operator.outputs[0]]
    name = output.name.decode().split(";")[0]
    shape = tuple(map(int, output.shape))
    macs = additions = parameters = 0
    if kind in FAN_IN:
        kernel, *bias = (graph.tensors[i] for i in operator.inputs[1:] if i >= 0)
        macs = math.prod(shape) * FAN_IN[kind]([int(size) for size in kernel.shape])
        parameters = sum(math.prod(map(int, tensor.shape)) for tensor in (kernel, *bias))
    elif kind in POOLINGS:
        read = graph.tensors[operator.inputs[0]].shape
        options = operator.builtinOptions
        window = getattr(options, "filterHeight", 0) * getattr(options, "filterWidth", 0)
        additions = math.prod(shape) * window if window else math.prod(map(int, read))
    return LayerCost(
        name=name,
        kind=kind,
        stage="-",
        output_shape=shape[1:],
        parameters=int(parameters),
        macs=int(macs),
        additions=int(additions),
        activations=math.prod(shape) if macs else 0,
        se="_se_" in name or "_se/" in name,
    )
