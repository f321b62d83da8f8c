"""A .tflite file as a function from images to outputs, and what its runtime makes of it."""

import dataclasses

import numpy as np


class LiteRT:
    """A file with one image in and one output, on XNNPACK.

    Args:
        network: Path of a `.tflite` file, or its bytes.
        threads: Threads of the interpreter.

    Attributes:
        shape: `(H, W, C)` of the images.
        dtype: Name of their type.

    Raises:
        ValueError: If it is no such file.
    """

    def __init__(self, network, threads=1):
        from ai_edge_litert.interpreter import Interpreter

        content = network if isinstance(network, bytes) else None
        self.interpreter = Interpreter(
            model_path=None if content else str(network), model_content=content, num_threads=threads
        )
        self.interpreter.allocate_tensors()
        (self._image,) = self.interpreter.get_input_details()
        (self._output,) = self.interpreter.get_output_details()
        self.shape = tuple(map(int, self._image["shape"][1:]))
        self.dtype = self._image["dtype"].__name__

    def set(self, image):
        """Puts one image `(H, W, C)` in, rounded if the file takes integers."""
        dtype = self._image["dtype"]
        if dtype != np.float32:
            scale, zero = self._image["quantization"]
            scale = scale or 1.0  # of plain integers the runtime says 0
            image = np.clip(
                np.round(image / scale + zero), np.iinfo(dtype).min, np.iinfo(dtype).max
            )
        self.interpreter.set_tensor(self._image["index"], np.asarray(image)[None].astype(dtype))

    def invoke(self):
        """Runs it on the image that was put in."""
        self.interpreter.invoke()

    def __call__(self, images):
        """Outputs `(N, ...)` in float32 of images `(N, H, W, C)`, one after the other."""
        outputs = []
        for image in images:
            self.set(image)
            self.invoke()
            outputs.append(self.interpreter.get_tensor(self._output["index"]))
        outputs = np.concatenate(outputs)
        if outputs.dtype != np.float32 and self._output["quantization"][0]:
            scale, zero = self._output["quantization"]
            outputs = (outputs.astype("float32") - zero) * scale
        return outputs


@dataclasses.dataclass(frozen=True)
class Program:
    """How the runtime splits a file.

    Attributes:
        operators: Kinds of operators and how many the file has of each.
        partitions: Pieces that XNNPACK runs; 1 is best.
        undelegated: Kinds of the operators outside of them.
    """

    operators: dict[str, int]
    partitions: int
    undelegated: tuple[str, ...]


def program(litert):
    """The `Program` of a loaded `LiteRT`."""
    interpreter = litert.interpreter
    nodes = interpreter._get_ops_details()
    operators = {}
    producers = {}
    for node in sorted(nodes, key=lambda node: node["op_name"] == "DELEGATE"):
        if node["op_name"] != "DELEGATE":
            operators[node["op_name"]] = operators.get(node["op_name"], 0) + 1
        # A delegate comes last: it replaces the nodes that it has taken.
        producers.update({int(output): node for output in node["outputs"]})
    open_tensors = [detail["index"] for detail in interpreter.get_output_details()]
    executed = {}
    while open_tensors:
        node = producers.get(int(open_tensors.pop()))
        if node is not None and node["index"] not in executed:
            executed[node["index"]] = node["op_name"]
            open_tensors.extend(node["inputs"])
    names = list(executed.values())
    outside = tuple(sorted({name for name in names if name != "DELEGATE"}))
    return Program(dict(sorted(operators.items())), names.count("DELEGATE"), outside)
