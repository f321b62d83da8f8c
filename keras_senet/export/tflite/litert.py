"""A .tflite file as a function from images to outputs, and what its runtime makes of it."""

import dataclasses
import functools
import os
import pathlib

import numpy as np

from keras_senet.export.tflite.flatbuffer import IDENTIFIER, check_closed
from keras_senet.extras import needed
from keras_senet.mistakes import first_line

# Threads where nothing is timed: outputs do not depend on their number, and more gain little.
MANY = min(8, os.cpu_count() or 1)


class LiteRT:
    """A loaded file on XNNPACK; if it has one image, a function of images.

    Args:
        network: Path of a `.tflite` file, or its bytes.
        threads: Threads of the interpreter.

    Attributes:
        interpreter: The runtime's own object.

    Raises:
        ValueError: If it is no such file, or the runtime lacks an operator of it.
    """

    kind = "tflite"

    def __init__(self, network, threads=1):
        library = needed("ai_edge_litert.interpreter", "export", "Running a .tflite file")
        is_bytes = isinstance(network, bytes)
        name = "bytes" if is_bytes else str(network)
        content = network if is_bytes else _content(network)
        if content[4:8] != IDENTIFIER:
            raise ValueError(f"Expected a .tflite file. Received: {name}, which is none.")
        try:
            self.interpreter = library.Interpreter(
                model_path=None if is_bytes else name,
                model_content=content if is_bytes else None,
                num_threads=threads,
            )
            self.interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"LiteRT cannot load {name}: {first_line(error)}") from error
        self.name = name

    @functools.cached_property
    def image(self):
        """The runtime's details of the one image that goes in."""
        details = self.interpreter.get_input_details()
        if len(details) != 1 or len(details[0]["shape"]) != 4 or details[0]["shape"][0] != 1:
            raise ValueError(
                f"Expected a file that takes one image, (1, H, W, C). Received: {self.name}, which "
                f"takes {_listed(details)}."
            )
        return details[0]

    @functools.cached_property
    def output(self):
        """The runtime's details of the one output."""
        details = self.interpreter.get_output_details()
        if len(details) != 1:
            raise ValueError(
                f"Expected a file with one output. Received: {self.name}, which returns "
                f"{_listed(details)}. Export one output at a time."
            )
        return details[0]

    @functools.cached_property
    def outputs(self):
        """The runtime's details of the outputs in the file's order, by their names there.

        Names are those of the file's one signature; without any, those of the tensors.
        """
        details = {int(one["index"]): one for one in self.interpreter.get_output_details()}
        signatures = list(self.interpreter._get_full_signature_list().values())
        if len(signatures) != 1:
            return {one["name"]: one for one in details.values()}
        order = list(details)
        indices = {name: int(index) for name, index in signatures[0]["outputs"].items()}
        names = sorted(indices, key=lambda name: order.index(indices[name]))
        return {name: details[indices[name]] for name in names}

    @property
    def shape(self):
        """`(H, W, C)` of the images, `None` where any will do."""
        image = self.image
        signature = image.get("shape_signature", image["shape"])
        return tuple(
            None if open_ == -1 else int(size)
            for open_, size in zip(signature[1:], image["shape"][1:], strict=True)
        )

    @property
    def dtype(self):
        """Name of the type of the images."""
        return self.image["dtype"].__name__

    def set(self, image):
        """Sets the input to one image `(H, W, C)`, quantized if the file takes integers."""
        if tuple(self.image["shape"][1:]) != image.shape and None in self.shape:
            self.interpreter.resize_tensor_input(self.image["index"], (1, *image.shape))
            self.interpreter.allocate_tensors()
            del self.image  # its shape has changed
        dtype = self.image["dtype"]
        if np.issubdtype(dtype, np.integer):
            scale, zero = self.image["quantization"]
            least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
            image = np.clip(np.round(image / scale + zero if scale else image), least, most)
        self.interpreter.set_tensor(self.image["index"], np.asarray(image)[None].astype(dtype))

    def set_random(self, seed=0):
        """Fills every input with numbers of its type: floats in 0..255, ids of 0 and 1.

        Raises:
            ValueError: If an input is of several images, or of any size.
        """
        rng = np.random.default_rng(seed)
        for entry in self.interpreter.get_input_details():
            check_closed(self.name, entry["shape"], entry.get("shape_signature"))
            if len(entry["shape"]) == 4 and entry["shape"][0] != 1:
                raise ValueError(
                    f"{self.name} takes {entry['shape'][0]} images at once. Expected a file of one "
                    "image, whose latency is that of one."
                )
            self.interpreter.set_tensor(entry["index"], _random(rng, entry, self.name))

    def invoke(self):
        """Runs the file on the input that was set."""
        self.interpreter.invoke()

    def __call__(self, images):
        """The one output `(N, ...)` in float32 of images `(N, H, W, C)`, one after the other."""
        return self._run(images, {"": self.output})[""]

    def run(self, images, names=None):
        """The outputs of these names, or all of them, by name; see `outputs`."""
        return self._run(images, {name: self.outputs[name] for name in names or self.outputs})

    def _run(self, images, outputs):
        rows = []
        for image in images:
            self.set(image)
            self.invoke()
            get = self.interpreter.get_tensor
            rows.append({name: get(one["index"]) for name, one in outputs.items()})
        return {
            name: _floats(np.concatenate([row[name] for row in rows]), *one["quantization"])
            for name, one in outputs.items()
        }


def _floats(values, scale, zero):
    """Values in float32, decoded where they are quantized integers."""
    if np.issubdtype(values.dtype, np.integer) and scale:
        return (values.astype("float32") - zero) * scale
    return values.astype("float32")


def end(details):
    """The input or output of a file: shape, type and, for quantized integers, their code.

    Args:
        details: The runtime's details of one tensor; an open size is `None`.

    Returns:
        A dictionary: `shape`, `dtype`, `range`, and for integers `scale` and `zero_point`: a number
        is `scale * (integer - zero_point)`. For other types the range is `None`, unknown.
    """
    dtype = details["dtype"]
    found = {"shape": [size and int(size) for size in details["shape"]], "dtype": dtype.__name__}
    scale, zero = details["quantization"]
    if not np.issubdtype(dtype, np.integer) or not scale:
        return {**found, "range": None}
    extent = np.array([np.iinfo(dtype).min, np.iinfo(dtype).max], "float64")
    low, high = ((extent - zero) * scale).tolist()
    return {**found, "range": [low, high], "scale": float(scale), "zero_point": int(zero)}


def _content(path):
    path = pathlib.Path(path)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "nothing"
        raise ValueError(f"Expected a .tflite file at {path}. Received: {what}.")
    with path.open("rb") as file:
        return file.read(8)


def _listed(details):
    ends = [f"{tuple(map(int, x['shape']))} {np.dtype(x['dtype']).name}" for x in details[:4]]
    return f"{len(details)}: {', '.join(ends)}" + (", ..." if len(details) > 4 else "")


def _random(rng, entry, name):
    shape, dtype = entry["shape"], np.dtype(entry["dtype"])
    if dtype.kind == "f":
        return rng.uniform(0, 255, shape).astype(dtype)
    if dtype.kind == "b" or (dtype.kind in "iu" and dtype.itemsize > 1):
        return rng.integers(0, 2, shape).astype(dtype)
    if dtype.kind in "iu":
        return rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max + 1, shape).astype(dtype)
    raise ValueError(f"Cannot make up an input of type {dtype.name} for {name}.")


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
    outputs = [detail["index"] for detail in interpreter.get_output_details()]
    return program_of(interpreter._get_ops_details(), outputs)


def program_of(nodes, outputs):
    """The `Program` of what a runtime, here or on another machine, says of a loaded file.

    Args:
        nodes: The interpreter's operators and delegates: dictionaries with `index`, `op_name`, and
            the indices of the tensors that are its `inputs` and `outputs`.
        outputs: Indices of the tensors that the file returns.
    """
    operators = {}
    producers = {}
    for node in sorted(nodes, key=lambda node: node["op_name"] == "DELEGATE"):
        if node["op_name"] != "DELEGATE":
            operators[node["op_name"]] = operators.get(node["op_name"], 0) + 1
        # A delegate comes last: it replaces the nodes that it has taken.
        producers.update({int(output): node for output in node["outputs"]})
    open_tensors = list(outputs)
    executed = {}
    while open_tensors:
        node = producers.get(int(open_tensors.pop()))
        if node is not None and node["index"] not in executed:
            executed[node["index"]] = node["op_name"]
            open_tensors.extend(node["inputs"])
    names = list(executed.values())
    outside = tuple(sorted({name for name in names if name != "DELEGATE"}))
    return Program(dict(sorted(operators.items())), names.count("DELEGATE"), outside)
