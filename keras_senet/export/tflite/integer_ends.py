"""uint8 images in, uint8 outputs out, for cameras, iOS and MediaPipe."""

import dataclasses
import warnings

import numpy as np

from keras_senet.export.contract import PIXELS, described
from keras_senet.export.tflite.flatbuffer import (
    add_tensor,
    is_kind,
    new_operator,
    parsed,
    replace_ends,
    serialized,
)
from keras_senet.export.tflite.litert import LiteRT

STEPS = 255
# Room beyond the outputs that calibration saw, a share of their range, where nothing bounds them.
ROOM = 0.125
# Outputs that stay below this share of their bound take too few of the steps up to it.
FAR_BELOW = 0.25
# A range far from zero leaves it few of the steps, which begin at zero.
LEAST_STEPS = 16


@dataclasses.dataclass(frozen=True)
class Code:
    """What the integers of a tensor mean: `scale * (integer - zero)`.

    Attributes:
        scale: One step.
        zero: The integer of the value zero, in 0..255.
    """

    scale: float
    zero: int

    @classmethod
    def of_range(cls, low, high):
        """The finest code of a range and of zero."""
        low, high = min(low, 0.0), max(high, 0.0)
        scale = (high - low) / STEPS
        scale = scale if scale >= np.finfo("float32").tiny else 1 / (STEPS + 1)
        return cls(scale, round(-low / scale))


def with_uint8_ends(network, images, contract):
    """A network with float32 ends, to take uint8 images and return uint8 outputs.

    Two operators that XNNPACK takes are added, one converts the image to floats, the other rounds
    the outputs. Their scales are, in this order: of raw pixels 1; of outputs in 0..1 1/256, as of
    the runtime's own softmax in int8, and of others with known bounds these; those of the int8
    tensors beside the ends, which loses nothing; those of the values met in calibration.

    Bounded outputs that calibration saw far below their bound, as the probabilities of a thousand
    classes may be, are coded up to twice what it saw. The runtime demands 1/256 of a softmax that
    it computes in int8; here it computes in float32, and what follows rounds to any scale.

    Args:
        network: Bytes of a `.tflite` file, quantized between float32 ends.
        images: `(N, H, W, C)` images that it was calibrated with.
        contract: The `Contract` of its model.

    Returns:
        Bytes of the file.

    Raises:
        ValueError: If an end is not float32.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = parsed(network)
    graph = model.subgraphs[0]
    for end in (graph.inputs[0], graph.outputs[0]):
        if graph.tensors[end].type != schema.TensorType.FLOAT32:
            raise ValueError(
                "quantization='int8_full' needs a model from float32 to float32. Received: "
                f"{graph.tensors[end].name.decode()} of another type. Use quantization='int8'."
            )
    codes = (
        _input_code(schema, model, images, contract.input_range),
        _output_code(schema, model, network, images, contract.output_range),
    )
    old = int(graph.inputs[0]), int(graph.outputs[0])
    pixels, scores = (
        add_tensor(model, like, name, "uint8", code.scale, code.zero)
        for like, name, code in zip(old, ("pixels", "scores"), codes, strict=True)
    )
    begin = new_operator(model, "DEQUANTIZE", pixels, old[0])
    end = new_operator(model, "QUANTIZE", old[1], scores)
    graph.operators = [begin, *graph.operators, end]
    replace_ends(model, {old[0]: pixels}, {old[1]: scores})
    return serialized(model)


def _input_code(schema, model, images, extent):
    if extent == PIXELS:
        return Code(1.0, 0)
    graph = model.subgraphs[0]
    beside = _beside(schema, model, "QUANTIZE", "inputs", graph.inputs[0])
    return beside or Code.of_range(*(extent or (float(images.min()), float(images.max()))))


def _output_code(schema, model, network, images, extent):
    graph = model.subgraphs[0]
    beside = _beside(schema, model, "DEQUANTIZE", "outputs", graph.outputs[0])
    if beside is not None and extent is None:
        return beside
    outputs = LiteRT(network)(images)
    low, high = float(outputs.min()), float(outputs.max())
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
