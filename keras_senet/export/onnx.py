"""ONNX, for runtimes other than TensorFlow's."""

import pathlib

import keras

from keras_senet.export.artefacts import written_whole
from keras_senet.export.fold import fold
from keras_senet.export.models import exportable


def to_onnx(model, path, *, overwrite=False):
    """Writes an ONNX file of the folded model: images `(N, H, W, C)`, any N, to its output.

    Args:
        model: A built functional `keras.Model`; mixed precision is rebuilt in float32.
        path: The file to create; its folder must exist.
        overwrite: Whether to replace what is there.

    Returns:
        The path, a `pathlib.Path`.

    Raises:
        ImportError: If tf2onnx is not installed.
        FileExistsError, FileNotFoundError, PermissionError: See `path` and `overwrite`.
        TypeError, ValueError: If the model cannot be exported; the message says why.

    Example:
        >>> path = to_onnx(keras_senet.SEResNet20(), "model.onnx")
        >>> session = onnxruntime.InferenceSession(path)
        >>> (probabilities,) = session.run(None, {"image": images})
    """
    try:
        import tf2onnx  # noqa: F401
    except ImportError as error:
        raise ImportError("ONNX needs tf2onnx: pip install 'keras-senet[onnx]'") from error
    model = exportable(model)
    signature = keras.InputSpec(shape=model.inputs[0].shape, dtype="float32", name="image")
    with written_whole(path, overwrite) as partial:
        # Keras looks at the suffix of the name.
        written = partial.with_suffix(".onnx")
        fold(model).export(written, format="onnx", verbose=False, input_signature=[signature])
        written.replace(partial)
    return pathlib.Path(path)
