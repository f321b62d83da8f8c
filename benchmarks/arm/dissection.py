"""The operators of a file, each run alone on what another machine gave to it."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from keras_senet.export.tflite.flatbuffer import parsed, serialized

KINDS = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}


def kind_of(model, operator):
    """Name of a builtin operator."""
    code = model.operatorCodes[operator.opcodeIndex]
    return KINDS[max(code.builtinCode, code.deprecatedBuiltinCode)]


def exposed(network):
    """The file with the results of all operators as outputs, and their tensors in that order."""
    model = parsed(network)
    graph = model.subgraphs[0]
    tensors = [int(index) for operator in graph.operators for index in operator.outputs]
    if len(tensors) != len(graph.operators):
        raise ValueError("Expected operators of one output each. Received: one that has several.")
    graph.outputs, model.signatureDefs = np.array(tensors, "int32"), []
    return serialized(model), tensors


def alone(network, place):
    """A file of one operator, without the constants of the others.

    Returns:
        Bytes of the file, and the tensors that it reads, by the names that they have in it.
    """
    model = parsed(network)
    graph = model.subgraphs[0]
    operator = graph.operators[place]
    read = [int(index) for index in operator.inputs if index >= 0]
    kept = {graph.tensors[index].buffer for index in read}
    constant = {
        index for index in read if model.buffers[graph.tensors[index].buffer].data is not None
    }
    for number, buffer in enumerate(model.buffers):
        if number not in kept:
            buffer.data = None
    varying = list(dict.fromkeys(index for index in read if index not in constant))
    graph.operators, graph.outputs = [operator], operator.outputs
    graph.inputs, model.signatureDefs, model.metadata = np.array(varying, "int32"), [], []
    return serialized(model), varying


def run_alone(network, values):
    """Outputs of a file for each image.

    Args:
        network: Bytes of the file.
        values: Arrays `(images, ...)` for its inputs, in their order.
    """
    interpreter = Interpreter(model_content=network, num_threads=1)
    interpreter.allocate_tensors()
    entries, (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for row in zip(*values, strict=True):
        for entry, value in zip(entries, row, strict=True):
            interpreter.set_tensor(entry["index"], value[None].astype(entry["dtype"]))
        interpreter.invoke()
        found.append(interpreter.get_tensor(result["index"])[0])
    return np.stack(found)


def dissected(network, images, received):
    """A row for each operator of a file.

    Args:
        network: Bytes of the file.
        images: What went into it, `(images, H, W, C)`.
        received: Results of the operators on the other machine, by tensor.
    """
    model = parsed(network)
    graph = model.subgraphs[0]
    values = {int(graph.inputs[0]): images, **received}
    for place, operator in enumerate(graph.operators):
        file, tensors = alone(network, place)
        expected = run_alone(file, [values[index] for index in tensors])
        difference = np.abs(
            received[int(operator.outputs[0])].astype("float64") - expected.astype("float64")
        )
        yield {
            "kind": kind_of(model, operator),
            "type": expected.dtype.name,
            "tensor": graph.tensors[int(operator.outputs[0])].name.decode(),
            "values": difference.size,
            "differ": int(np.count_nonzero(difference)),
            "largest": float(difference.max()),
        }
