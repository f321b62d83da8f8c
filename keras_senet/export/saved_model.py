"""TensorFlow SavedModel."""

import pathlib

import keras
import tensorflow as tf

from keras_senet.architectures.graph import Graph
from keras_senet.export.artefacts import written_whole
from keras_senet.export.fold import fold
from keras_senet.export.inference import check_artefact, image_spec, inference
from keras_senet.export.models import exportable, image_shape
from keras_senet.layers import ImageNormalization

DEFAULT_VIEW = ImageNormalization(1.0)  # of a model without one


def to_saved_model(model, path, *, input_size=None, overwrite=False):
    """Writes a SavedModel that plain TensorFlow loads and serves, folded as by `fold`.

    Endpoints, each for any N:

    - `serve` (and `serving_default`): images `(N, H, W, C)` in the range that the model takes (raw
      pixels in 0..255 where preprocessing is inside) to its output; float32, or the integers of a
      model that takes integers;
    - `jpeg`: `(N,)` JPEG files to its output; each is decoded, resized and cropped as
      `load_image` does for the model; of models of a known size that take RGB;
    - `features`: images to what the classifier reads; of models that end in one.

    Args:
        model: A built functional `keras.Model`; mixed precision is rebuilt in float32.
        path: The folder to create; its parent must exist.
        input_size: Height and width in pixels that `jpeg` resizes to, for a model that leaves
            them open.
        overwrite: Whether to replace what is there.

    Returns:
        The path, a `pathlib.Path`.

    Raises:
        FileExistsError, FileNotFoundError, PermissionError: See `path` and `overwrite`.
        TypeError, ValueError: If the model cannot be exported, or the artefact would compute
            something else than `model.predict`; the message says why.

    Example:
        >>> path = to_saved_model(keras_senet.SEResNet20(), "served")
        >>> served = tf.saved_model.load(path)  # keep it: the endpoint does not own its weights
        >>> probabilities = served.serve(images)
        >>> probabilities = served.jpeg([open("flower.jpg", "rb").read()])
    """
    model = exportable(model)
    view = next((x for x in model.layers if isinstance(x, ImageNormalization)), DEFAULT_VIEW)
    original, model = model, fold(model)
    shape = model.inputs[0].shape[1:]
    if input_size is not None:
        shape = image_shape(model, input_size)
    with written_whole(path, overwrite) as partial:
        archive = keras.export.ExportArchive()
        archive.track(model)
        images = [image_spec(model, (None, *model.inputs[0].shape[1:]))]
        archive.add_endpoint("serve", inference(model), images)
        if None not in shape[:2] and shape[0] == shape[1] and shape[2] == 3:
            files = [tf.TensorSpec((None,), tf.string, "jpeg")]
            archive.add_endpoint("jpeg", _of_files(model, shape[0], view), files)
        features = _features(model)
        if features is not None:
            archive.add_endpoint("features", inference(features), images)
        archive.write_out(partial, verbose=False)
        served = tf.saved_model.load(str(partial))
        check_artefact(original, shape, served.serve, "SavedModel")
    return pathlib.Path(path)


def _features(model):
    """The model up to what its classifier reads, or `None` if it does not end in one."""
    output = model.outputs[0]
    last = Graph(model).producer[id(output)]
    if not isinstance(last.operation, keras.layers.Dense):
        return None
    return keras.Model(model.inputs, last.input_tensors[0])


def _of_files(model, size, view):
    def decode(file):
        # Accurately, as Pillow decodes.
        image = tf.io.decode_jpeg(file, channels=3, dct_method="INTEGER_ACCURATE")
        sides = tf.shape(image)[:2]
        shorter = int(size / view.crop)
        sides = sides * shorter // tf.reduce_min(sides)
        image = tf.image.resize(image, sides, method=view.interpolation, antialias=True)
        top, left = tf.unstack(tf.cast(tf.round((sides - size) / 2), tf.int32))
        square = image[top : top + size, left : left + size]
        return tf.clip_by_value(tf.round(square), 0, 255)

    def classify(jpeg):
        spec = tf.TensorSpec((size, size, 3), tf.float32)
        return model(tf.map_fn(decode, jpeg, fn_output_signature=spec), training=False)

    return classify


def write_saved_model(model, folder, shape):
    """Writes a SavedModel of an exportable model for images of a shape `(N, H, W, C)`."""
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", inference(model), [image_spec(model, shape)])
    archive.write_out(folder, verbose=False)
