"""A Keras model to the bytes of a .tflite file of builtin operators."""

import contextlib
import re
import tempfile

import tensorflow as tf

from keras_senet.export.saved_model import write_saved_model
from keras_senet.layers import Conv2D
from keras_senet.surgery.graph import parts_of


def convert(model, shape, float16=False):
    """Converts an exportable model for one image of `shape` `(H, W, C)`.

    Args:
        model: What `exportable` returned.
        shape: `(H, W, C)` of the image; the batch is 1.
        float16: Whether weights are kept in half the space.

    Returns:
        Bytes of the file, which takes images of the type that `image_dtype` tells.

    Raises:
        ValueError: If it needs operators that TensorFlow Lite lacks.
    """
    with tempfile.TemporaryDirectory() as folder:
        # A static batch: shape arithmetic at run time would keep delegates away.
        with _groups_kept(model):
            write_saved_model(model, folder, (1, *shape))
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


@contextlib.contextmanager
def _groups_kept(model):
    """Grouped convolutions as one operation, also on processors where TensorFlow lacks parts of it.

    There they train, and are served, group by group; the converter needs neither.
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
    """The operators that are missing, or the first line, of the converter's pages."""
    missing = sorted(set(re.findall(r"'tf\.(\w+)' op is neither a custom op nor", message)))
    if missing:
        return "it lacks " + ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
    lines = [
        re.sub(r"loc\(.*\): |<unknown>:\d+: |error: ", "", line) for line in message.split("\n")
    ]
    return next((line.strip()[:200] for line in lines if line.strip()), "no reason is given")
