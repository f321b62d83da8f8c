"""Our input pipeline over a folder of images: a contender of input_pipeline.py."""

import contenders
import tensorflow as tf
from absl import app, flags

import keras_senet

FOLDER = flags.DEFINE_string("folder", None, "Folder with one folder of images per class.")
SIZE = flags.DEFINE_integer("size", 224, "Height and width of an image.")
BATCH = flags.DEFINE_integer("batch", 32, "Images in a step.")
SPLIT = flags.DEFINE_enum("split", "train", ["train", "held_out"], "Augmented, or centre crops.")


def main(_):
    """Serves batches."""
    data = keras_senet.data.load(f"folder:{FOLDER.value}", image_size=SIZE.value)
    if SPLIT.value == "train":
        batches = iter(data.train(BATCH.value))
    else:
        batches = iter(data.validation(BATCH.value).repeat())

    def run(steps):
        for _ in range(steps):
            next(batches)

    contenders.serve(run, {"versions": {"tensorflow": tf.__version__}})


if __name__ == "__main__":
    app.run(main)
