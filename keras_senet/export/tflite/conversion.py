"""A Keras model to the bytes of a .tflite file of builtin operators."""

import contextlib
import re
import tempfile

import keras
import tensorflow as tf

from keras_senet.export.inference import image_spec, inference
from keras_senet.layers import Conv2D
from keras_senet.surgery.graph import parts_of


def convert(model, shape, float16=False):
    """Converts an exportable model for one image of `shape` `(H, W, C)`.

    Args:
        model: What `exportable` returned.
        shape: `(H, W, C)` of the image; the batch is 1.
        float16: Whether weights are kept in half the space.

    Returns:
        Bytes of the file, which takes images of the type `image_dtype(model)`.

    Raises:
        ValueError: If the model needs operators that TensorFlow Lite lacks.
    """
    with tempfile.TemporaryDirectory() as folder:
        # A static batch: shape arithmetic at run time would keep delegates away.
        with _groups_kept(model):
            _write_saved_model(model, folder, (1, *shape))
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if float16:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        try:
            return converter.convert()
        except Exception as error:
            # The converter raises a class of its own, outside of the public names.
            if type(error).__name__ != "ConverterError":
                raise
            raise ValueError(
                f"Model {model.name!r} cannot be written with TensorFlow Lite's builtin "
                f"operators: {_reason(str(error))}. Build it without, or export a SavedModel."
            ) from None


def _write_saved_model(model, folder, shape):
    """Writes a SavedModel of an exportable model for images of a shape `(N, H, W, C)`."""
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", inference(model), [image_spec(model, shape)])
    archive.write_out(folder, verbose=False)


@contextlib.contextmanager
def _groups_kept(model):
    """A `with` block in which a grouped convolution is traced as one operation, on any processor.

    On processors where TensorFlow lacks a grouped kernel or its gradient, `Conv2D` computes group
    by group. The converter runs no kernel, and the file is shorter with one operation.
    """
    convolutions = [layer for layer in parts_of(model) if isinstance(layer, Conv2D)]
    for layer in convolutions:
        layer.only_written = True
    try:
        yield
    finally:
        for layer in convolutions:
            layer.only_written = False


def _reason(message):
    """From the converter's pages of message: the missing operators, or else the first line."""
    missing = sorted(set(re.findall(r"'tf\.(\w+)' op is neither a custom op nor", message)))
    if missing:
        return "it lacks " + ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
    lines = [
        re.sub(r"loc\(.*\): |<unknown>:\d+: |error: ", "", line) for line in message.split("\n")
    ]
    return next((line.strip()[:200] for line in lines if line.strip()), "no reason is given")
