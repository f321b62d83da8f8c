"""ONNX, for runtimes other than TensorFlow's."""

import os
import pathlib

import keras
import numpy as np

from keras_senet.export.inference import as_model, check_artefact, image_spec
from keras_senet.export.models import exportable
from keras_senet.extras import check_installed
from keras_senet.files import replacing
from keras_senet.mistakes import first_line
from keras_senet.surgery.fold import fold


def to_onnx(
    model: keras.Model, path: str | os.PathLike, *, overwrite: bool = False
) -> pathlib.Path:
    """Writes an ONNX file of the folded model: images `(N, H, W, C)`, any N, to its output.

    The file takes float32, or the integers of a model that takes integers. It is run beside the
    model, and not kept if it computes something else.

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


def _runner(model, path):
    """Runs the file on images, one by one and all at once, which must agree."""
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # its classes are those of a compiled module
        raise ValueError(
            f"Model {model.name!r} was written as ONNX, but onnxruntime does not load it: "
            f"{first_line(error)}. Build it without that operation, or export another format."
        ) from error

    def run(images):
        (together,) = session.run(None, {"image": images})
        alone = np.concatenate([session.run(None, {"image": image[None]})[0] for image in images])
        if not np.allclose(alone, together, rtol=1e-3, atol=1e-3 * np.abs(together).max()):
            raise ValueError(
                f"The ONNX file of model {model.name!r} would compute each image otherwise in "
                "batches of other sizes. Look for layers that mix the images of a batch."
            )
        return together

    return run
