"""Files of models that take integers: the network in floats, and pixels in front of it."""

import numpy as np

from keras_senet.export.tflite.flatbuffer import parsed, serialized

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
    if len(readers) != 1 or _kind(model, readers[0]) != schema.BuiltinOperator.CAST:
        return None
    floats = int(readers[0].outputs[0])
    if graph.tensors[floats].type != schema.TensorType.FLOAT32:
        return None
    graph.operators = [operator for operator in graph.operators if operator is not readers[0]]
    _begin_at(model, graph, floats)
    _remove(model, graph, pixels)
    return serialized(model)


def with_integer_pixels(network, dtype):
    """A network that takes float32 pixels, to take the same values as integers.

    Bytes become floats by an operator that XNNPACK takes, dequantization by a scale of 1; wider
    integers by a cast.

    Args:
        network: Bytes of a `.tflite` file.
        dtype: Name of the type of integers.

    Returns:
        Bytes of the file.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = parsed(network)
    graph = model.subgraphs[0]
    floats = int(graph.inputs[0])
    tensor = schema.TensorT()
    tensor.shape = graph.tensors[floats].shape
    tensor.type, tensor.buffer = getattr(schema.TensorType, dtype.upper()), 0
    tensor.name = b"pixels"
    if dtype in BYTES:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = np.array([1.0], "float32")
        tensor.quantization.zeroPoint = np.array([0], "int64")
    graph.tensors.append(tensor)
    pixels = len(graph.tensors) - 1
    code = schema.OperatorCodeT()
    kind = schema.BuiltinOperator.DEQUANTIZE if dtype in BYTES else schema.BuiltinOperator.CAST
    code.builtinCode = code.deprecatedBuiltinCode = kind
    code.version = 2 if dtype in BYTES else 1
    model.operatorCodes.append(code)
    operator = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs, operator.outputs = np.array([pixels], "int32"), np.array([floats], "int32")
    graph.operators = [operator, *graph.operators]
    _begin_at(model, graph, pixels)
    return serialized(model)


def _begin_at(model, graph, tensor):
    for signature in model.signatureDefs or []:
        for end in signature.inputs:
            end.tensorIndex = tensor
    graph.inputs = np.array([tensor], "int32")


def _remove(model, graph, index):
    """Takes out a tensor that nobody reads, which calibration could not read either."""
    last = len(graph.tensors) - 1
    graph.tensors[index] = graph.tensors[last]
    graph.tensors.pop()

    def moved(indices):
        return np.array([index if one == last else one for one in indices], "int32")

    for operator in graph.operators:
        operator.inputs, operator.outputs = moved(operator.inputs), moved(operator.outputs)
        if operator.intermediates is not None:
            operator.intermediates = moved(operator.intermediates)
    graph.inputs, graph.outputs = moved(graph.inputs), moved(graph.outputs)
    for signature in model.signatureDefs or []:
        for end in (*signature.inputs, *signature.outputs):
            end.tensorIndex = index if end.tensorIndex == last else end.tensorIndex


def _kind(model, operator):
    code = model.operatorCodes[operator.opcodeIndex]
    return max(code.builtinCode, code.deprecatedBuiltinCode)
