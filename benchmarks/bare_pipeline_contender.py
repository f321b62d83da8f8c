"""The least that a tf.data pipeline does with JPEG files: a contender of input_pipeline.py."""

import contenders
import tensorflow as tf
from absl import app, flags

from keras_senet.data import crops

FOLDER = flags.DEFINE_string("folder", None, "Folder with one folder of images per class.")
SIZE = flags.DEFINE_integer("size", 224, "Height and width of an image.")
BATCH = flags.DEFINE_integer("batch", 32, "Images in a step.")
SPLIT = flags.DEFINE_enum("split", "train", ["train"], "Augmented images.")


def example(path):
    """A random part of 8 to 100 % of a file, mirrored at random."""
    data = tf.io.read_file(path)
    key = tf.random.uniform((2,), maxval=2**31 - 1, dtype=tf.int32)
    # The parts that our pipeline cuts out, so that both decode as much.
    window = crops.part(tf.image.extract_jpeg_shape(data), key, (0.08, 1.0), (3 / 4, 4 / 3))
    image = tf.image.decode_and_crop_jpeg(data, window, channels=3)
    image = tf.image.resize(image, (SIZE.value, SIZE.value))
    return tf.image.random_flip_left_right(tf.cast(image, tf.uint8))


def main(_):
    """Serves batches."""
    paths = tf.data.Dataset.list_files(f"{FOLDER.value}/*/*.jpg").repeat()
    images = paths.map(example, num_parallel_calls=tf.data.AUTOTUNE)
    batches = iter(images.batch(BATCH.value, drop_remainder=True).prefetch(4))

    def run(steps):
        for _ in range(steps):
            next(batches)

    contenders.serve(run, {"versions": {"tensorflow": tf.__version__}})


if __name__ == "__main__":
    app.run(main)
