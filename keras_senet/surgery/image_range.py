"""The range of the images that a model takes, as far as its layers tell."""

import keras
import numpy as np

from keras_senet import layers
from keras_senet.surgery.graph import Graph
from keras_senet.surgery.made_by import KEEPING, is_keras, keeps
from keras_senet.surgery.rewrite import computes_its_graph

PIXELS = (0.0, 255.0)
# Factors and offsets that are meant for pixels in 0..255. All others may have another purpose.
OF_PIXELS = ((1 / 255, 0.0), (1 / 127.5, -1.0))
# Widths of 0..255 after another factor that may be there to normalize pixels: from 1, after 1/255,
# to about 9, after 1/(255 * 0.11).
NORMALIZED_WIDTH = (0.5, 10.0)
# In place of a range, where layers scale images down by a factor that does not tell the range.
SCALED = "scaled"
# Images with a value above this look like raw pixels.
DARK = 32
# The same, apart from padding and the overshoot of a resize.
KEEPING_IMAGES = (*KEEPING, "CenterCrop", "RandomCrop", "Resizing", "ZeroPadding2D")


def described(extent):
    """A range in words: `0..255`, `an unknown range`."""
    return "an unknown range" if extent is None else f"{extent[0]:.6g}..{extent[1]:.6g}"


def check_finite(images, subject):
    """Raises a ValueError about `subject` if an image `(N, H, W, C)` has NaN or infinity."""
    if images.dtype.kind != "f":
        return
    with np.errstate(over="ignore"):
        finite = np.isfinite(images.astype("float32", copy=False)).all(axis=(1, 2, 3))
    if not finite.all():
        bad = np.flatnonzero(~finite)
        raise ValueError(
            f"{subject} must be finite numbers. Received: NaN or infinity in {len(bad)} of "
            f"{len(images)} images, the first of them images[{bad[0]}]. Leave these out."
        )


def misfit(images, extent):
    """What is wrong with the range of images, in words, or `None`.

    Args:
        images: `(N, H, W, C)`, finite numbers.
        extent: Least and greatest value of an image that the model takes.
    """
    low, high = float(images.min()), float(images.max())
    slack = (extent[1] - extent[0]) / 10  # bicubic resizing overshoots
    is_out = low < extent[0] - slack or high > extent[1] + slack
    if not is_out and not (extent == PIXELS and looks_normalized(images)):
        return None
    remedy = " Pass raw pixels: the model normalizes them itself." if extent == PIXELS else ""
    return (
        f"must be in {described(extent)}, as the model takes them. Received: {shown_range(images)}."
        f"{remedy}"
    )


def doubt(images, extent):
    """What is suspicious of the range of images that may be right, in words, or `None`.

    Args:
        images: `(N, H, W, C)`, finite numbers.
        extent: The range that the model takes, `None` or `SCALED`, as `image_range` has it.
    """
    received = shown_range(images)
    if extent == PIXELS and images.max() <= 1:
        return (
            f"is almost black ({received}, of 0..255). Were the pixels divided before they became "
            "integers?"
        )
    if extent == SCALED and looks_normalized(images):
        return (
            f"looks normalized ({received}), and the model scales its images down itself. If it "
            "was trained on raw pixels, pass raw pixels."
        )
    if extent is None and images.min() >= 0 and images.max() > DARK:
        return (
            f"looks like raw pixels ({received}), and nothing tells the range that the model takes."
            " If it was trained on normalized images, normalize these too, or put the "
            "normalization into the model."
        )
    return None


def looks_normalized(images):
    """Whether pixels were divided by 255, brought to -1..1, or normalized by mean and deviation."""
    low, high = float(images.min()), float(images.max())
    return images.dtype.kind == "f" and 0 < max(-low, high) <= (4 if low < 0 else 1)


def shown_range(images):
    """Type and extremes of images: `float32 values in 0..1`."""
    return f"{images.dtype} values in {float(images.min()):.4g}..{float(images.max()):.4g}"


def image_range(model, beyond=lambda: None):
    """Least and greatest value of a model's image, `None` or `SCALED` where its layers do not tell.

    `ImageNormalization` takes pixels in 0..255, and so do factor and offset of exactly 1/255 and 0,
    or 1/127.5 and -1, and an input of type uint8. Layers that change nothing at inference are
    skipped.

    Args:
        model: A `keras.Model`; of several inputs, or a `call` of its own, nothing is known.
        beyond: Gives the range of the model's output, by its readers.
    """
    if not computes_its_graph(model) or len(model.inputs) != 1:
        return None
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
        # Of several outputs, the one that an image would leave by is not followed.
        if len(getattr(layer, "outputs", None) or ()) > 1:
            return image_range(layer)
        return image_range(layer, lambda: _range_of(graph, output, beyond))
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
