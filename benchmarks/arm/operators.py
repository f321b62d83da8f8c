"""Which operators compute otherwise on 64-bit Arm than on x86: `make arm`.

All activations of an int8 file become outputs, on an emulated Arm processor. This machine then runs
each operator alone on what the Arm processor gave to it, and compares: a difference is the
operator's own, and none of an earlier one. See README.md in the folder above.
"""

import pathlib
import tempfile

import contenders
import numpy as np
from absl import app, flags
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from arm import machine
from arm.compare import WORKER, on_host
from arm.networks import files, model_of
from contenders import FOLDER
from untrained import crops

from keras_senet.export.tflite.flatbuffer import parsed, serialized

NETWORKS = flags.DEFINE_list("dissected", ["SEResNet50", "MobileNetV3Large"], "Of keras_senet.")
IMAGES = flags.DEFINE_integer("dissected_images", 8, "Crops of two photographs.")
PROCESSOR = flags.DEFINE_string("dissecting", "cortex-a76", "QEMU's name of the processor.")
OUTPUT = flags.DEFINE_string("operators", None, "JSON file. Default: results/arm_operators.json.")

KINDS = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}


def kind_of(model, operator):
    """Name of a builtin operator."""
    code = model.operatorCodes[operator.opcodeIndex]
    return KINDS[max(code.builtinCode, code.deprecatedBuiltinCode)]


def exposed(network):
    """The file with the results of all operators as outputs, and their tensors in that order."""
    model = parsed(network)
    graph = model.subgraphs[0]
    tensors = [int(operator.outputs[0]) for operator in graph.operators]
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


def rows(name, arm, folder):
    """The operators of one network's int8 file."""
    model, known = model_of(name)
    images = crops(IMAGES.value, known.shape[1], seed=1)
    np.save(folder / "images.npy", images)
    (path,) = files(model, known, folder, ("int8",)).values()
    network = path.read_bytes()
    file, tensors = exposed(network)
    path.write_bytes(file)
    worker = [WORKER, folder / "images.npy", folder / "answers.json", path]
    results = []
    for run in (on_host, lambda arguments: arm.run(PROCESSOR.value, arguments)):
        run(worker)
        with np.load(f"{path}.npz") as outputs:
            results.append({index: outputs[str(n)] for n, index in enumerate(tensors)})
    here, there = results
    for row, index in zip(dissected(network, images, there), tensors, strict=True):
        row = {"network": name, **row}
        row["differ_in_file"] = int(np.count_nonzero(here[index] != there[index]))
        yield row


def main(_):
    """Dissects all."""
    arm = machine.set_up()
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/arm_operators.json")
    found = []
    for name in NETWORKS.value:
        with tempfile.TemporaryDirectory() as folder:
            found += rows(name, arm, pathlib.Path(folder))
        for row in found:
            if row["network"] == name and row["differ"]:
                print(row, flush=True)
        facts = {"processor": PROCESSOR.value, "images": IMAGES.value}
        contenders.write(path, {"versions": arm.versions(), **facts, "results": found})


if __name__ == "__main__":
    app.run(main)
