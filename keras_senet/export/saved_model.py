"""TensorFlow SavedModel."""

import pathlib

import keras

from keras_senet.export.artefacts import written_whole
from keras_senet.export.models import exportable


def to_saved_model(model, path, *, overwrite=False):
    """Writes a SavedModel that plain TensorFlow loads and serves.

    The endpoint is `serve` (and `serving_default`): float32 images `(N, H, W, C)`, any N, in the
    range that the model takes (raw pixels in 0..255 where preprocessing is inside) to its output.

    Args:
        model: A built functional `keras.Model`; mixed precision is rebuilt in float32.
        path: The folder to create; its parent must exist.
        overwrite: Whether to replace what is there.

    Returns:
        The path, a `pathlib.Path`.

    Raises:
        FileExistsError, FileNotFoundError, PermissionError: See `path` and `overwrite`.
        TypeError, ValueError: If the model cannot be exported; the message says why.

    Example:
        >>> path = to_saved_model(keras_senet.SEResNet20(), "served")
        >>> served = tf.saved_model.load(path)  # keep it: the endpoint does not own its weights
        >>> probabilities = served.serve(images)
    """
    model = exportable(model)
    with written_whole(path, overwrite) as partial:
        write_saved_model(model, partial, (None, *model.inputs[0].shape[1:]))
    return pathlib.Path(path)


def write_saved_model(model, folder, shape):
    """Writes a SavedModel of an exportable model for float32 images of a shape `(N, H, W, C)`."""
    signature = keras.InputSpec(shape=shape, dtype="float32", name="image")
    model.export(folder, format="tf_saved_model", verbose=False, input_signature=[signature])
