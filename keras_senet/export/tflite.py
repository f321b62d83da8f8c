"""TensorFlow Lite (LiteRT), float32, float16 and int8."""

import pathlib
import tempfile

import tensorflow as tf

from keras_senet.export.artefacts import written_whole
from keras_senet.export.int8 import quantize_int8
from keras_senet.export.models import checked_images, exportable, image_shape
from keras_senet.export.saved_model import write_saved_model

QUANTIZATIONS = (None, "float16", "int8")


def to_tflite(
    model,
    path,
    *,
    quantization=None,
    calibration_images=None,
    input_size=None,
    overwrite=False,
):
    """Writes a .tflite file of builtin operators, for one image at a time.

    Input and output are float32 whatever the quantization: `(1, H, W, C)` in the range that the
    model takes (raw pixels in 0..255 where preprocessing is inside) to its output.

    Args:
        model: A built functional `keras.Model`; mixed precision is rebuilt in float32.
        path: The file to create; its folder must exist.
        quantization: `None` (float32), `"float16"` (weights in half the space) or `"int8"`
            (weights, per channel, and activations).
        calibration_images: `(N, H, W, C)` images like those that the artefact will see, of which
            int8 learns the ranges of activations; a hundred or more, not those to judge by.
        input_size: Height and width in pixels for a model that leaves them open.
        overwrite: Whether to replace what is there.

    Returns:
        The path, a `pathlib.Path`.

    Raises:
        FileExistsError, FileNotFoundError, PermissionError: See `path` and `overwrite`.
        TypeError, ValueError: If an argument is outside the above, the model cannot be exported
            or needs operators that TensorFlow Lite lacks.

    Example:
        >>> to_tflite(model, "model.tflite", quantization="int8", calibration_images=images)
    """
    if quantization not in QUANTIZATIONS:
        raise ValueError(
            f"Argument `quantization` must be one of {QUANTIZATIONS}. Received: {quantization!r}"
        )
    model = exportable(model)
    shape = image_shape(model, input_size)
    if quantization == "int8":
        calibration_images = checked_images(calibration_images, shape, "calibration_images")
    elif calibration_images is not None:
        raise ValueError(
            f"`calibration_images` are for quantization='int8'. Received: {quantization!r}. "
            "Leave them out."
        )
    with written_whole(path, overwrite) as partial:
        partial.write_bytes(_convert(model, shape, quantization))
        if quantization == "int8":
            quantize_int8(partial, calibration_images)
    return pathlib.Path(path)


def _convert(model, shape, quantization):
    with tempfile.TemporaryDirectory() as folder:
        # A static batch: shape arithmetic at run time would keep delegates away.
        write_saved_model(model, folder, (1, *shape))
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if quantization == "float16":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        try:
            return converter.convert()
        except Exception as error:
            # The converter raises a class of its own, outside of the public names.
            if type(error).__name__ != "ConverterError":
                raise
            raise ValueError(
                f"Model {model.name!r} cannot be written with TensorFlow Lite's builtin operators: "
                f"{error}"
            ) from error
