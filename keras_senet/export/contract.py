"""What a model takes and returns, as far as its layers tell."""

import dataclasses

import keras
import numpy as np

from keras_senet import layers
from keras_senet.data import View
from keras_senet.export.outputs import outputs
from keras_senet.surgery.graph import Graph
from keras_senet.surgery.made_by import (
    BOUNDED,
    KEEPING,
    PROBABILITIES,
    activation_of,
    is_idle,
    is_keras,
    keeps,
    made_by,
)
from keras_senet.surgery.rewrite import computes_its_graph
from keras_senet.weights.named_classes import is_multi_label

PIXELS = (0.0, 255.0)
# Factors and offsets that are meant for pixels in 0..255. All others may have another purpose.
OF_PIXELS = ((1 / 255, 0.0), (1 / 127.5, -1.0))
# Widths of 0..255 after another factor that may be there to normalize pixels: from 1, after 1/255,
# to about 9, after 1/(255 * 0.11).
NORMALIZED_WIDTH = (0.5, 10.0)
# In place of a range, where layers scale images down by a factor that does not tell the range.
SCALED = "scaled"
# The same, apart from padding and the overshoot of a resize.
KEEPING_IMAGES = (*KEEPING, "CenterCrop", "RandomCrop", "Resizing", "ZeroPadding2D")
POOLING = ("GlobalAveragePooling2D", "GlobalMaxPooling2D", "AveragePooling2D", "MaxPooling2D")


@dataclasses.dataclass(frozen=True)
class Contract:
    """What goes into a model and comes out of it.

    Attributes:
        input_range: Least and greatest value of an image, `None` where the layers do not tell it:
            for a model without preprocessing only its training data do.
        output_range: Least and greatest value of an output, `None` where it has no bounds.
        output: `"probability"` of a softmax or sigmoid, `"features"` of a pooled map, else
            `"output"`.
        view: The `keras_senet.data.View` that the weights were evaluated with, or `None` where the
            model does not record it.
        scales: Whether the layers scale images of an unknown range down, as they would pixels.
    """

    input_range: tuple[float, float] | None = None
    output_range: tuple[float, float] | None = None
    output: str = "output"
    view: View | None = None
    scales: bool = False


UNKNOWN = Contract()


def contract(model):
    """The `Contract` of a functional or sequential model of one image and its first output.

    The range of the input is known where the layers that read it tell: `ImageNormalization` takes
    pixels in 0..255, and so do factor and offset of exactly 1/255 and 0, or 1/127.5 and -1, and an
    input of type uint8. Layers that change nothing at inference are skipped.
    """
    return next(iter(contracts(model).values()))


def contracts(model):
    """The `Contract` of a model for each of its outputs, by name."""
    extent, view = _input_range(model), _view(model)
    scales = extent == SCALED
    extent = None if scales else extent
    return {
        name: Contract(extent, *_returned(tensor), view, scales)
        for name, tensor in outputs(model).items()
    }


def _returned(tensor):
    """Range and meaning of an output."""
    activation = activation_of(made_by(tensor, keeps))
    end = made_by(tensor, is_idle)
    meaning = "features" if is_keras(end) and type(end).__name__ in POOLING else "output"
    if activation in PROBABILITIES:
        meaning = "probability"
    return BOUNDED.get(activation or ""), meaning


def label_threshold(model):
    """Output above which an image has a label, where the model has any number; `None` for others.

    It is 0.5 for the model's sigmoids, 0 for their logits.
    """
    if not is_multi_label(model):
        return None
    return 0.5 if contract(model).output == "probability" else 0.0


def _view(model):
    try:
        return View.of(model)
    except ValueError:  # the size is open, or parts of the model have different views
        return None


def described(extent):
    """A range in words: `0..255`, `an unknown range`."""
    return "an unknown range" if extent is None else f"{extent[0]:.6g}..{extent[1]:.6g}"


def _input_range(model, beyond=lambda: None):
    """The range of a model's image; `beyond` gives that of the model's output, by its readers."""
    image = model.inputs[0]
    return PIXELS if image.dtype == "uint8" else _range_of(Graph(model), image, beyond)


def _range_of(graph, tensor, beyond, before=(1.0, 0.0)):
    """The range of a tensor, by the layers that read it; `None` also where they differ.

    `before` are the factor and the offset by which the tensor was made from the one before it.
    """
    known = {_range_read(graph, node, beyond, before) for node in graph.readers(tensor)}
    if graph.is_output(tensor):
        known.add(beyond())
    known -= {None} if known <= {None, SCALED} else {None, SCALED}
    return known.pop() if len(known) == 1 else None


def _range_read(graph, node, beyond, before):
    layer, output = node.operation, node.output_tensors[0]
    if type(layer) is layers.ImageNormalization:
        return PIXELS
    if isinstance(layer, keras.Model):
        if not computes_its_graph(layer) or len(layer.inputs) != 1:
            return None
        if len(layer.outputs) > 1:  # which of them an image would leave by is not followed
            return _input_range(layer)
        return _input_range(layer, lambda: _range_of(graph, output, beyond))
    if type(layer) is keras.layers.Normalization:
        return _normalized(layer)
    if keeps(layer, KEEPING_IMAGES):
        return _range_of(graph, output, beyond, before)
    affine = _affine(node)
    return None if affine is None else _range_scaled(graph, output, beyond, before, affine)


def _range_scaled(graph, output, beyond, before, affine):
    """The range of the tensor that `affine`, factor and offset, turns into `output`."""
    factor, offset = affine
    if _is_of_pixels(factor, offset):
        return PIXELS
    both = before[0] * factor, before[1] * factor + offset
    if _is_of_pixels(*both):
        return _image_of(PIXELS, *before)
    after = _range_of(graph, output, beyond, both)
    if isinstance(after, tuple) and np.ndim(factor) == np.ndim(offset) == 0:
        return _image_of(after, 1 / factor, -offset / factor)
    return SCALED if after == SCALED or _normalizes_pixels(factor) else None


def _image_of(extent, factor, offset):
    low, high = sorted(value * factor + offset for value in extent)
    return float(np.round(low, 3)), float(np.round(high, 3))


def _is_of_pixels(factor, offset):
    """Whether they are one of `OF_PIXELS`, in all channels and to the precision of float32."""
    return any(
        np.allclose(factor, a, rtol=1e-6, atol=0) and np.allclose(offset, b, rtol=1e-6, atol=1e-9)
        for a, b in OF_PIXELS
    )


def _affine(node):
    """Factor and offset of a rescaling, or of one operation with a number, or `None`."""
    layer = node.operation
    if type(layer) is keras.layers.Rescaling:
        factor, offset = np.asarray(layer.scale, "float64"), np.asarray(layer.offset, "float64")
        return (factor, offset) if np.all(factor) else None
    arguments = node.arguments.args
    numbers = [x for x in arguments if isinstance(x, (int, float)) and x]
    if not is_keras(layer) or len(numbers) != 1 or len(arguments) != 2:
        return None
    (number,), kind, tensor_first = numbers, type(layer).__name__, arguments[1] is numbers[0]
    if kind in ("Divide", "TrueDivide"):
        return (1 / number, 0.0) if tensor_first else None
    if kind == "Subtract":
        return (1.0, -number) if tensor_first else (-1.0, number)
    return {"Multiply": (number, 0.0), "Add": (1.0, number)}.get(kind)


def _normalized(layer):
    """`SCALED` if a `Normalization` has statistics that pixels might have, otherwise `None`."""
    if layer.invert or getattr(layer, "mean", None) is None:
        return None
    mean, variance = (keras.ops.convert_to_numpy(x) for x in (layer.mean, layer.variance))
    inside = np.all(mean > 16) and np.all(mean < 240)
    factor = 1 / np.sqrt(np.maximum(variance, 1e-12))
    return SCALED if inside and _normalizes_pixels(factor) else None


def _normalizes_pixels(factor):
    low, high = NORMALIZED_WIDTH
    return bool(np.all((low <= PIXELS[1] * factor) & (PIXELS[1] * factor <= high)))
