"""JPEG files as the input of a SavedModel, brought into the evaluation transform of the model."""

import tensorflow as tf

from keras_senet.data import crops, jpeg
from keras_senet.export.inference import inference
from keras_senet.export.models import image_dtype

# Weights of red, green and blue in a grey image: Pillow's integers for ITU-R 601-2.
LUMA, LUMA_UNIT = (19595, 38470, 7471), 1 << 16


def of_files(model, view):
    """The inference of a model, as a function of `(N,)` JPEG files.

    Files are decoded, turned upright and brought into the view as `load_image` does. The outputs of
    a file that is broken, or no JPEG file, are NaN: one file spoils no batch.

    Args:
        model: An exportable model of one input `(N, H, W, 3)` or `(N, H, W, 1)`.
        view: A `keras_senet.data.View`.
    """
    channels, dtype = model.inputs[0].shape[-1], image_dtype(model)
    outputs_of, crop = inference(model), crops.Centre(view)

    def seen(file):
        with tf.control_dependencies([tf.debugging.Assert(jpeg.is_jpeg(file), ["no JPEG file"])]):
            # Exact: the pixels that Pillow decodes.
            image = tf.io.decode_jpeg(file, channels=3, dct_method="INTEGER_ACCURATE")
        image = jpeg.turned(image, jpeg.orientation(file))
        image = _grey(image) if channels == 1 else image
        window = crop.window(tf.shape(image))
        image = crop.resize(crops.cut(image, window), window, tf.shape(image))
        return image, True

    def read(file):
        # The only way to catch an error within a graph.
        nothing = tf.zeros((*view.sides, channels), tf.uint8), False
        tried = tf.data.Dataset.from_tensors(file).map(seen).ignore_errors()
        resort = tf.data.Dataset.from_tensors(nothing)
        return tried.concatenate(resort).take(1).get_single_element()

    def classify(files):
        signature = (
            tf.TensorSpec((*view.sides, channels), tf.uint8),
            tf.TensorSpec((), tf.bool),
        )
        images, readable = tf.map_fn(read, files, fn_output_signature=signature)
        outputs = outputs_of(tf.cast(images, dtype))
        return tf.nest.map_structure(lambda output: _where(readable, output), outputs)

    return classify


def _where(readable, output):
    """The rows of an output, NaN for those of files that could not be read."""
    readable = tf.reshape(readable, (-1, *(1 for _ in output.shape[1:])))
    return tf.where(readable, output, tf.constant(float("nan"), output.dtype))


def _grey(image):
    sums = tf.reduce_sum(tf.cast(image, tf.int32) * LUMA, -1, keepdims=True)
    return tf.cast((sums + LUMA_UNIT // 2) // LUMA_UNIT, tf.uint8)
