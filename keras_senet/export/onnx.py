"""ONNX, for runtimes other than TensorFlow's."""

import os
import pathlib

import keras
import numpy as np

from keras_senet.export.inference import as_model, check_artefact, image_spec
from keras_senet.export.models import exportable
from keras_senet.export.onnx_file import OnnxFile
from keras_senet.export.outputs import output_names
from keras_senet.extras import check_installed
from keras_senet.files import replacing
from keras_senet.mistakes import first_line
from keras_senet.surgery.fold import fold


def to_onnx(
    model: keras.Model, path: str | os.PathLike, *, overwrite: bool = False
) -> pathlib.Path:
    """Writes an ONNX file of the folded model: images `(N, H, W, C)`, any N, to its outputs.

    The file takes float32, or the integers of a model that takes integers. Several outputs have the
    names of the model's (keys of a dictionary, `output_0` in a list) and their order. It is run
    beside the model, and not kept if it computes something else.

    Args:
        model: A built functional `keras.Model`; mixed precision is rebuilt in float32.
        path: The file to create; its folder must exist.
        overwrite: Whether to replace what is there.

    Returns:
        The path, a `pathlib.Path`.

    Raises:
        ImportError: If tf2onnx or onnxruntime is not installed.
        FileExistsError, FileNotFoundError, PermissionError: See `path` and `overwrite`.
        TypeError, ValueError: If the model cannot be exported, or the file would compute something
            else than `model.predict`; the message says why.

    Example:
        >>> import onnxruntime
        >>> path = to_onnx(keras_senet.SEResNet20(), "model.onnx")
        >>> session = onnxruntime.InferenceSession(path)
        >>> images = np.zeros((2, 32, 32, 3), "float32")
        >>> (probabilities,) = session.run(None, {"image": images})
        >>> probabilities.shape
        (2, 10)
    """
    for package in ("onnxruntime", "tf2onnx"):
        check_installed(package, "onnx", "ONNX")
    model = exportable(model)
    with replacing(path, overwrite) as partial:
        # Keras looks at the suffix of the name.
        written = partial.with_suffix(".onnx")
        _write(fold(model), written)
        _order_outputs(written, output_names(model))
        check_artefact(model, model.inputs[0].shape[1:], _runner(model, written), "ONNX file")
        written.replace(partial)
    return pathlib.Path(path)


def _write(folded, path):
    signature = [image_spec(folded, (None, *folded.inputs[0].shape[1:]))]
    try:
        as_model(folded).export(path, format="onnx", verbose=False, input_signature=signature)
    except Exception as error:  # tf2onnx raises whatever its rewriters meet
        raise ValueError(
            f"Model {folded.name!r} cannot be written as ONNX: {first_line(error)}. Build it "
            "without that operation, or export another format."
        ) from error


def _order_outputs(path, names):
    """Puts several outputs of a file into the order of the model's; Keras writes the alphabet's."""
    import onnx

    model = onnx.load(path)
    found = {entry.name: entry for entry in model.graph.output}
    if len(names) > 1 and found.keys() == set(names):
        del model.graph.output[:]
        model.graph.output.extend(found[name] for name in names)
        onnx.save(model, path)


def _runner(model, path):
    """Runs the file on images, one by one and all at once, which must agree."""
    try:
        file = OnnxFile(path)
    except ValueError as error:
        raise ValueError(
            f"Model {model.name!r} was written as ONNX, but {error}. Build it without that "
            "operation, or export another format."
        ) from error

    def run(images):
        alone, together = file.run(images), file.together(images)
        for name, value in together.items():
            if not np.allclose(alone[name], value, rtol=1e-3, atol=1e-3 * np.abs(value).max()):
                raise ValueError(
                    f"The ONNX file of model {model.name!r} would compute each image otherwise in "
                    "batches of other sizes. Look for layers that mix the images of a batch."
                )
        return together

    return run
