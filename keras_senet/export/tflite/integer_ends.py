"""Integers at the ends of a file: uint8 images and outputs, and the pixels of integer models."""

import dataclasses
import warnings

import numpy as np

from keras_senet.export.tflite.flatbuffer import (
    add_tensor,
    is_kind,
    new_operator,
    outputs_by_name,
    parsed,
    replace_ends,
    serialized,
)
from keras_senet.export.tflite.litert import LiteRT
from keras_senet.surgery.image_range import PIXELS, described

BYTES = ("uint8", "int8")
STEPS = 255
# Margin on each side of the outputs that calibration met, a share of their range, where no
# activation bounds them.
ROOM = 0.125
# Outputs that stay below this share of their bound would take too few of the 256 values.
FAR_BELOW = 0.25
# The range of a code always contains zero, so that values far from zero get few of its steps. A
# warning tells of fewer than this.
LEAST_STEPS = 16


@dataclasses.dataclass(frozen=True)
class Code:
    """What the integers of a tensor mean: `scale * (integer - zero)`.

    Attributes:
        scale: The value of one step.
        zero: The integer of the value zero, in 0..255.
    """

    scale: float
    zero: int

    @classmethod
    def of_range(cls, low, high):
        """The finest code whose range contains this one and zero."""
        low, high = min(low, 0.0), max(high, 0.0)
        scale = (high - low) / STEPS
        scale = scale if scale >= np.finfo("float32").tiny else 1 / (STEPS + 1)
        return cls(scale, round(-low / scale))


def with_uint8_ends(network, images, contracts):
    """A network with float32 ends, to take uint8 images and return uint8 outputs.

    Two operators that XNNPACK runs are added: one converts the image to floats, the other rounds
    the outputs. Their scales are the first of these that apply:

    - image: 1 for raw pixels; the scale of the int8 tensor behind the image, which loses nothing;
      the finest for the range that the model takes; the finest for the calibration images;
    - outputs: 1/256 for 0..1, as in the runtime's own softmax; the finest for other known bounds;
      the scale of the int8 tensor before the outputs; the finest for the values of calibration.

    If outputs stay far below their bound in calibration, as the probabilities of a thousand classes
    may, the code reaches up to twice their greatest value. (The runtime demands the scale 1/256 for
    a softmax that it computes in int8. Here the softmax is in float32, and the operator behind it
    rounds to any scale.)

    Args:
        network: Bytes of a `.tflite` file, quantized between float32 ends.
        images: `(N, H, W, C)` images that it was calibrated with.
        contracts: The `Contract` of each output of its model, by name.

    Returns:
        Bytes of the file.

    Raises:
        ValueError: If an end is not float32.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = parsed(network)
    graph = model.subgraphs[0]
    for end in (graph.inputs[0], *graph.outputs):
        if graph.tensors[end].type != schema.TensorType.FLOAT32:
            raise ValueError(
                "quantization='int8_full' needs a model from float32 to float32. Received: "
                f"{graph.tensors[end].name.decode()} of another type. Use quantization='int8'."
            )
    image = int(graph.inputs[0])
    code = _input_code(schema, model, images, next(iter(contracts.values())).input_range)
    pixels = add_tensor(model, image, "pixels", "uint8", code.scale, code.zero)
    outputs = outputs_by_name(model)
    if len(outputs) == 1:
        outputs = dict(zip(contracts, outputs.values(), strict=True))
    changes, met = {}, _met(network, images)
    for (name, output), values in zip(outputs.items(), met, strict=True):
        if output in changes:  # one tensor under two names
            continue
        code = _output_code(schema, model, output, values, contracts[name].output_range)
        scores = "scores" if len(outputs) == 1 else name
        changes[output] = add_tensor(model, output, scores, "uint8", code.scale, code.zero)
    begin = new_operator(model, "DEQUANTIZE", pixels, image)
    ends = [new_operator(model, "QUANTIZE", old, new) for old, new in changes.items()]
    graph.operators = [begin, *graph.operators, *ends]
    replace_ends(model, {image: pixels}, changes)
    return serialized(model)


def _input_code(schema, model, images, extent):
    if extent == PIXELS:
        return Code(1.0, 0)
    graph = model.subgraphs[0]
    beside = _beside(schema, model, "QUANTIZE", "inputs", graph.inputs[0])
    return beside or Code.of_range(*(extent or (float(images.min()), float(images.max()))))


def _met(network, images):
    """Least and greatest value of each output in the file's order, image by image."""
    litert = LiteRT(network)
    rows = [[(x.min(), x.max()) for x in litert.run(image[None]).values()] for image in images]
    return [(float(np.min(pairs)), float(np.max(pairs))) for pairs in zip(*rows, strict=True)]


def _output_code(schema, model, output, met, extent):
    beside = _beside(schema, model, "DEQUANTIZE", "outputs", output)
    if beside is not None and extent is None:
        return beside
    low, high = met
    if extent is None:
        room = ROOM * (high - low)
        extent = (low - room if low < 0 else low), (high + room if high > 0 else high)
    elif 0 < max(-low, high) < FAR_BELOW * max(-extent[0], extent[1]):
        extent = max(extent[0], min(2 * low, 0.0)), min(extent[1], max(2 * high, 0.0))
    elif extent == (0.0, 1.0):
        return Code(1 / 256, 0)
    code = Code.of_range(*extent)
    if 0 < (extent[1] - extent[0]) / code.scale < LEAST_STEPS:
        warnings.warn(
            f"The outputs in {described(extent)} lie far from zero: in uint8 they take few of 256 "
            "values. Use quantization='int8', whose output is float32.",
            stacklevel=4,
        )
    return code


def _beside(schema, model, kind, side, tensor):
    """The code of the one int8 tensor that an end is converted to or from, in uint8."""
    graph = model.subgraphs[0]
    readers = [op for op in graph.operators if int(tensor) in map(int, getattr(op, side))]
    if len(readers) != 1 or not is_kind(model, readers[0], kind):
        return None
    other = readers[0].outputs[0] if side == "inputs" else readers[0].inputs[0]
    other = graph.tensors[other]
    if other.type != schema.TensorType.INT8:
        return None
    return Code(float(other.quantization.scale[0]), int(other.quantization.zeroPoint[0]) + 128)


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
