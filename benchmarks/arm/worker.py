"""Runs .tflite files on images: `worker.py IMAGES.npy ANSWERS.json FILE...`, or --count.

Needs NumPy and LiteRT alone, so that it runs on the emulated machine and on the host alike. Beside
each file appear its outputs, `FILE.npz`; how the runtime splits the files goes into the answers.
"""

import json
import os
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def loaded(path):
    """The file on XNNPACK and one thread."""
    interpreter = Interpreter(path, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def outputs(interpreter, images):
    """All outputs `(images, ...)`, by their place; integers stay integers."""
    (entry,) = interpreter.get_input_details()
    rows = []
    for image in images:
        interpreter.set_tensor(entry["index"], image[None].astype(entry["dtype"]))
        interpreter.invoke()
        details = interpreter.get_output_details()
        rows.append([interpreter.get_tensor(one["index"])[0] for one in details])
    return {str(place): np.stack(column) for place, column in enumerate(zip(*rows, strict=True))}


def split(interpreter):
    """Operators and delegates of a loaded file, and the tensors that it returns."""
    nodes = [
        {
            "index": int(node["index"]),
            "op_name": node["op_name"],
            "inputs": list(map(int, node["inputs"])),
            "outputs": list(map(int, node["outputs"])),
        }
        for node in interpreter._get_ops_details()
    ]
    returned = interpreter.get_output_details()
    return {"nodes": nodes, "outputs": [int(one["index"]) for one in returned]}


def count(interpreter, image):
    """Two invocations, each between two calls at which the emulator's plugin writes its count."""
    (entry,) = interpreter.get_input_details()
    interpreter.set_tensor(entry["index"], image[None].astype(entry["dtype"]))
    interpreter.invoke()
    for _ in range(2):
        os.getppid()
        interpreter.invoke()
        os.getppid()


def main(arguments):
    """Counts for one file, or writes the outputs of several."""
    if arguments[0] == "--count":
        images, path = arguments[1:]
        count(loaded(path), np.load(images)[0])
        return
    images, answers, *paths = arguments
    found = {}
    for path in paths:
        interpreter = loaded(path)
        np.savez(f"{path}.npz", **outputs(interpreter, np.load(images)))
        found[path] = split(interpreter)
    with open(answers, "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main(sys.argv[1:])
