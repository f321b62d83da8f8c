"""What a model takes and returns, as far as its layers tell."""

import dataclasses

import keras
import numpy as np

from keras_senet.data import View
from keras_senet.layers import ImageNormalization
from keras_senet.surgery.graph import Graph, call_of

PIXELS = (0.0, 255.0)
# What a factor makes of the range of pixels, if it is there to normalize them: from 0..1 of 1/255
# to about 0..9 of 1/(255 * 0.11). Other factors may be there for anything.
NORMALIZED_WIDTH = (0.5, 10.0)
BOUNDED = {
    "softmax": (0.0, 1.0),
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu6": (0.0, 6.0),
}
# Layers and operations whose outputs are some of their inputs, or averages of them.
KEEPING = (
    "AveragePooling2D",
    "Cropping2D",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "Identity",
    "MaxPooling2D",
    "Permute",
    "RandomFlip",
    "Reshape",
    "SpatialDropout2D",
    "Squeeze",
    "UpSampling2D",
)
POOLING = ("GlobalAveragePooling2D", "GlobalMaxPooling2D", "AveragePooling2D", "MaxPooling2D")


@dataclasses.dataclass(frozen=True)
class Contract:
    """What goes into a model and comes out of it.

    Attributes:
        input_range: Least and greatest value of an image, `None` where the layers do not tell:
            of a model without preprocessing only its training knows.
        output_range: Least and greatest value of an output, `None` where it has no bounds.
        output: `"probability"` of a softmax or sigmoid, `"features"` of a pooled map, else
            `"output"`.
        view: The `keras_senet.data.View` that the weights were judged with, or `None` where the
            model does not say it.
    """

    input_range: tuple[float, float] | None
    output_range: tuple[float, float] | None
    output: str
    view: View | None = None


def contract(model):
    """The `Contract` of a functional or sequential model of one image and one output.

    The range of the input is known where the layers that read it tell: `ImageNormalization` takes
    pixels in 0..255, and so do `Rescaling`, `Normalization` or a division that bring pixels to a
    width of about one, and an input of type uint8.
    """
    activation = _bound(model.outputs[0])
    output = "features" if type(_end(model.outputs[0])).__name__ in POOLING else "output"
    if activation in ("softmax", "sigmoid", "hard_sigmoid"):
        output = "probability"
    return Contract(_input_range(model), BOUNDED.get(activation or ""), output, _view(model))


def _view(model):
    try:
        return View.of(model)
    except ValueError:  # of any size, or of parts that differ
        return None


def described(extent):
    """A range in words: `0..255`, `an unknown range`."""
    return "an unknown range" if extent is None else f"{extent[0]:.6g}..{extent[1]:.6g}"


def _input_range(model):
    image = model.inputs[0]
    return PIXELS if image.dtype == "uint8" else _range_of(Graph(model), image)


def _range_of(graph, tensor):
    """Of a tensor of the model, by the layers that read it; `None` also where they differ."""
    known = {_range_read(graph, node) for node in graph.readers(tensor)} - {None}
    return known.pop() if len(known) == 1 else None


def _range_read(graph, node):
    layer = node.operation
    if isinstance(layer, ImageNormalization):
        return PIXELS
    if isinstance(layer, keras.Model):
        return _input_range(layer) if len(layer.inputs) == 1 else None
    if isinstance(layer, keras.layers.Normalization):
        return _normalized(layer)
    affine = _affine(node)
    if affine is None and type(layer).__name__ not in (*KEEPING, "Resizing", "ZeroPadding2D"):
        return None
    after = _range_of(graph, node.output_tensors[0])
    if affine is None:
        return after
    factor, offset = affine
    if after is not None and np.ndim(factor) == np.ndim(offset) == 0:
        low, high = sorted((value - offset) / factor for value in after)
        return float(np.round(low, 3)), float(np.round(high, 3))
    return PIXELS if _normalizes_pixels(factor) else None


def _affine(node):
    """Factor and offset of a rescaling, a product or a quotient with a number, or `None`."""
    layer = node.operation
    if isinstance(layer, keras.layers.Rescaling):
        factor, offset = np.asarray(layer.scale, "float64"), np.asarray(layer.offset, "float64")
        return (factor, offset) if np.all(factor) else None
    numbers = [x for x in node.arguments.args if isinstance(x, (int, float)) and x]
    if len(numbers) != 1 or len(node.arguments.args) != 2:
        return None
    tensor_first = node.arguments.args[1] is numbers[0]
    if type(layer).__name__ in ("Divide", "TrueDivide") and tensor_first:
        return 1 / numbers[0], 0.0
    return (numbers[0], 0.0) if type(layer).__name__ == "Multiply" else None


def _normalized(layer):
    """What `keras.layers.Normalization` takes, by the statistics that it was given."""
    if getattr(layer, "invert", False) or getattr(layer, "mean", None) is None:
        return None
    mean, variance = (keras.ops.convert_to_numpy(x) for x in (layer.mean, layer.variance))
    inside = np.all(mean > 16) and np.all(mean < 240)
    return (
        PIXELS if inside and _normalizes_pixels(1 / np.sqrt(np.maximum(variance, 1e-12))) else None
    )


def _normalizes_pixels(factor):
    low, high = NORMALIZED_WIDTH
    return bool(np.all((low <= PIXELS[1] * factor) & (PIXELS[1] * factor <= high)))


def _end(tensor):
    """The operation that computes a tensor: in nested models theirs."""
    operation = call_of(tensor).operation
    return _end(operation.outputs[0]) if isinstance(operation, keras.Model) else operation


def _bound(tensor):
    """Name of the activation that bounds a tensor, or `None`."""
    call = call_of(tensor)
    operation = call.operation
    if isinstance(operation, keras.Model):
        return _bound(operation.outputs[0])
    if type(operation).__name__ in KEEPING:
        return _bound(call.input_tensors[0])
    return _activation(operation)


def _activation(layer):
    """Name of the activation of a layer, or of the layer that is one."""
    kind = type(layer).__name__
    if kind in ("Softmax", "Sigmoid", "Tanh", "HardSigmoid", "Relu6", "Softsign"):
        return {"Softmax": "softmax", "HardSigmoid": "hard_sigmoid"}.get(kind, kind.lower())
    return getattr(getattr(layer, "activation", None), "__name__", None)
