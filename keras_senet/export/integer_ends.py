"""uint8 pixels in, uint8 scores out, for cameras, iOS and MediaPipe."""

import numpy as np

from keras_senet.export.flatbuffer import parsed, serialized


def with_uint8_ends(network):
    """A network with float32 ends, to take uint8 pixels and return uint8 outputs.

    Two operators that XNNPACK takes are added: pixels become floats unchanged (scale 1), outputs
    are rounded to steps of 1/256, as the runtime's own softmax.

    Args:
        network: Bytes of a `.tflite` file that takes pixels in 0..255 and returns values in 0..1.

    Returns:
        Bytes of the file.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = parsed(network)
    graph = model.subgraphs[0]
    pixels = _tensor(schema, graph, graph.inputs[0], "pixels", scale=1.0)
    scores = _tensor(schema, graph, graph.outputs[0], "scores", scale=1 / 256)
    begin = _operator(schema, model, "DEQUANTIZE", pixels, graph.inputs[0])
    end = _operator(schema, model, "QUANTIZE", graph.outputs[0], scores)
    graph.operators = [begin, *graph.operators, end]
    renamed = {int(graph.inputs[0]): pixels, int(graph.outputs[0]): scores}
    for signature in model.signatureDefs or []:
        for tensor in (*signature.inputs, *signature.outputs):
            tensor.tensorIndex = renamed[int(tensor.tensorIndex)]
    graph.inputs, graph.outputs = np.array([pixels], "int32"), np.array([scores], "int32")
    return serialized(model)


def _tensor(schema, graph, like, name, scale):
    tensor = schema.TensorT()
    tensor.shape, tensor.shapeSignature = graph.tensors[like].shape, None
    tensor.type, tensor.name, tensor.buffer = schema.TensorType.UINT8, name.encode(), 0
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = np.array([scale], "float32")
    tensor.quantization.zeroPoint = np.array([0], "int64")
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _operator(schema, model, kind, source, target):
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, kind)
    code.version = 2 if kind == "DEQUANTIZE" else 1
    model.operatorCodes.append(code)
    operator = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs = np.array([source], "int32")
    operator.outputs = np.array([target], "int32")
    return operator
