"""TensorFlow Lite (LiteRT): float32, float16, and int8 in three ways."""

import os
import pathlib
import warnings
from collections.abc import Iterable, Sequence

import keras
import numpy as np

from keras_senet.data import Dataset
from keras_senet.data.subset import evenly_spaced
from keras_senet.export.agreement import naming, same
from keras_senet.export.contract import contracts, label_threshold
from keras_senet.export.inference import check_artefact
from keras_senet.export.measure.sensitivity import quantize_until
from keras_senet.export.memory import release
from keras_senet.export.models import check_floats, exportable, image_dtype, image_shape, predicted
from keras_senet.export.outputs import matched
from keras_senet.export.tflite.arguments import (
    CALIBRATED,
    QUANTIZATIONS,
    calibration,
    check_agreement,
    check_half,
    labels_of,
)
from keras_senet.export.tflite.conversion import convert
from keras_senet.export.tflite.int8 import calibrate, needs_quantizer, quantize, quantize_weights
from keras_senet.export.tflite.integer_ends import (
    float_part,
    with_integer_pixels,
    with_uint8_ends,
)
from keras_senet.export.tflite.litert import MANY, LiteRT
from keras_senet.export.tflite.metadata import append_labels, with_metadata
from keras_senet.export.tflite.trained_network import network_of
from keras_senet.export.tflite.training_graph import is_quantization_aware
from keras_senet.extras import check_installed
from keras_senet.files import replacing
from keras_senet.surgery.fold import fold

HALF_IS_COARSER = 1000  # rounding of weights in float16 against that of float32 sums
# Below this share the file names other classes than the model. Trained networks keep 0.98 and more
# in int8, and a hundred images determine the share to 0.03.
LOW_AGREEMENT = 0.9
COMPARED = 100  # calibration images, evenly spaced


def to_tflite(
    model: keras.Model,
    path: str | os.PathLike,
    *,
    quantization: str | None = None,
    calibration_images: Dataset | np.ndarray | Iterable | None = None,
    min_agreement: float | None = None,
    labels: Sequence[str] | None = None,
    input_size: int | None = None,
    group_width: int = 16,
    overwrite: bool = False,
) -> pathlib.Path:
    """Writes a .tflite file of builtin operators, for one image at a time.

    The model is folded first (see `fold`). Input and output are float32, `(1, H, W, C)` in the
    range that the model takes (raw pixels in 0..255 where preprocessing is inside) to its outputs,
    in the order and by the names of the model's (keys of a dictionary, `output_0` in a list);
    with `"int8_full"` both are uint8, with scales that the file states. The file of a model that
    takes integers takes the same type. The float file is run beside the model first, and refused
    if it computes something else. The metadata tell MediaPipe and Android's classes the range of
    the image, if it is known from the model's layers.

    Args:
        model: A built functional `keras.Model`; mixed precision is rebuilt in float32.
        path: The file to create; its folder must exist.
        quantization: `None` (float32), `"float16"` (weights in half the space), `"dynamic"` (int8
            weights, activations quantized while running), `"int8"` (weights per channel, and
            activations), `"int8_full"` (the same between a uint8 image and uint8 outputs).
        calibration_images: Images like those that the artefact will see, from which int8 learns the
            ranges of activations; a hundred or more, not those to verify on, in the range that the
            model takes. An array `(N, H, W, C)`, a `keras_senet.data.Dataset` (its training
            images), or a `tf.data.Dataset`, list or generator of images or batches, alone or with
            labels, from which the first 512 images are taken.
        min_agreement: Least share, 0..1, of the calibration images for which the int8 network
            shall name the class that the float32 network names, or all labels where an image has
            any number; for outputs `(N, classes)`. The
            most sensitive blocks stay in float32 until it does; the uint8 outputs of
            `"int8_full"` must too.
        labels: Name of every class, written into the file; `None`: those that the model records,
            if it does.
        input_size: Height and width in pixels for a model that leaves them open.
        group_width: Least input channels of each group of a convolution: narrower groups, which
            leave most of a vector register empty, are merged. 1 leaves them as trained.
        overwrite: Whether to replace what is there.

    Returns:
        The path, a `pathlib.Path`.

    Raises:
        FileExistsError, FileNotFoundError, PermissionError: See `path` and `overwrite`.
        TypeError, ValueError: If an argument is none of these, the model cannot be exported, needs
            operators that TensorFlow Lite lacks, or the file would compute something else than
            `model.predict`.
        ImportError: If a package of the extra `export` is missing.

    Warns:
        UserWarning: If int8 names another class than the model for more than a tenth of the
            calibration images, or these are few or doubtful.

    Example:
        >>> images = keras_senet.data.load("digits").calibration_images(100)
        >>> model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))()
        >>> path = to_tflite(model, "m.tflite", quantization="int8", calibration_images=images)
    """
    if quantization not in QUANTIZATIONS:
        raise ValueError(
            f"Argument `quantization` must be one of {QUANTIZATIONS}. Received: {quantization!r}"
        )
    check_installed("ai_edge_litert", "export", "TFLite")
    model = exportable(model)
    check_floats(model)
    shape, ends = image_shape(model, input_size), contracts(model)
    known = next(iter(ends.values()))  # of the image all say the same
    if isinstance(calibration_images, Dataset):
        calibration_images = calibration_images.seen_by(model, shape[0])
    images = calibration(calibration_images, quantization, shape, known)
    check_agreement(min_agreement, quantization, model)
    trained = is_quantization_aware(model)
    if trained and (quantization not in CALIBRATED or min_agreement is not None):
        raise ValueError(
            f"Model {model.name!r} was trained for int8. Expected quantization='int8' or "
            f"'int8_full', without min_agreement. Received: {quantization!r}, "
            f"min_agreement={min_agreement}"
        )
    labels = labels_of(labels, model)
    if quantization not in (None, "float16"):
        needs_quantizer()
    with replacing(path, overwrite) as partial:
        ranges = None
        if trained:
            floats, ranges = network_of(model)
            dtype = None if image_dtype(model) == "float32" else image_dtype(model)
        else:
            floats, dtype = float_network(model, shape, group_width, quantization)
        network = floats
        if quantization == "dynamic":
            network = quantize_weights(network)
        elif quantization in CALIBRATED and min_agreement is not None:
            network, _ = quantize_until(network, images, min_agreement, label_threshold(model))
        elif quantization in CALIBRATED:
            network = quantize(network, ranges or calibrate(network, images))
        if quantization == "int8_full":
            network = with_uint8_ends(network, images, ends)
        elif dtype is not None:
            network = with_integer_pixels(network, dtype)
        if quantization == "dynamic":
            LiteRT(network)  # raises an error if the runtime cannot load it
        if quantization in CALIBRATED:
            floats = _Predicting(model) if trained else LiteRT(floats, MANY)
            _compare(network, floats, images, min_agreement, label_threshold(model), ends)
        partial.write_bytes(with_metadata(network, model.name, ends, labels))
        if labels:
            append_labels(partial, labels)
    return pathlib.Path(path)


def float_network(model, shape, group_width, quantization):
    """The network with float weights, and the type of integers that it shall take, if any."""
    half = quantization == "float16"
    folded = fold(model, group_width)
    if half:
        check_half(folded)
    weights = folded.count_params()
    release(weights)
    network = convert(folded, shape, float16=half, integers=quantization in CALIBRATED)
    del folded
    release(weights)
    coarser = HALF_IS_COARSER if half else 1
    check_artefact(model, shape, LiteRT(network, MANY).run, "TensorFlow Lite file", coarser)
    release(weights)
    dtype = image_dtype(model)
    if dtype == "float32":
        return network, None
    floats = float_part(network)
    if floats is not None:
        return floats, dtype
    if quantization in (None, "float16"):
        return network, None
    raise ValueError(
        f"Model {model.name!r} computes with its {dtype} pixels before it makes floats of them, "
        f"which {quantization!r} cannot quantize. Build it on a float32 keras.Input."
    )


class _Predicting:
    """A model in the place of a file."""

    def __init__(self, model):
        self.model = model

    def run(self, images):
        """The outputs of images `(N, H, W, C)` by name."""
        return predicted(self.model, images.astype(image_dtype(self.model)))


def _compare(network, floats, images, min_agreement, threshold, ends):
    """Raises or warns if the file names other classes than `floats.run`, in any output."""
    if min_agreement is None and len(images) > COMPARED:
        images = images[evenly_spaced(len(images), COMPARED)]
    files = LiteRT(network, MANY), floats
    for name, reached in _agreements(files, images.astype("float32"), ends, threshold).items():
        which = "" if len(ends) == 1 else f"{name!r} of "
        if min_agreement is not None and reached < min_agreement:
            raise ValueError(
                f"Agreement {reached:.4f} is below min_agreement={min_agreement} once the outputs "
                "are uint8. Use quantization='int8', whose output is float32."
            )
        if reached < LOW_AGREEMENT:
            warnings.warn(
                f"The quantized file names what the model names for {reached:.0%} of {which}"
                f"{len(images)} calibration images only. Pass min_agreement, which leaves the most "
                "sensitive blocks in float32, or more images like those that the file will see; or "
                "use quantization='float16'.",
                stacklevel=3,
            )


def _agreements(files, images, ends, threshold):
    """Share of images or pixels that two files name the same, for each output that names any."""

    def named(litert, image):
        outputs = matched(ends, litert.run(image[None]), "its file")
        is_alone = len(ends) == 1 and outputs[next(iter(ends))].ndim == 2
        found = {
            name: naming(values, ends[name].output, threshold, logits=is_alone)
            for name, values in outputs.items()
        }
        return {name: values for name, values in found.items() if values is not None}

    names = list(named(files[0], images[0]))
    if not names:
        return {}
    rows = [(named(files[0], image), named(files[1], image)) for image in images]
    joined = {name: [np.concatenate(pair) for pair in _columns(rows, name)] for name in names}
    return {name: same(one, other, threshold) for name, (one, other) in joined.items()}


def _columns(rows, name):
    """What each of two files names of an output, image by image."""
    return zip(*((one[name], other[name]) for one, other in rows), strict=True)
