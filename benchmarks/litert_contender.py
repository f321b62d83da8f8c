"""One exported network in LiteRT, one image at a time: a contender of inference.py."""

import pathlib
import tempfile

import contenders
import numpy as np
from absl import app, flags
from ai_edge_litert.interpreter import Interpreter

import keras_senet

NETWORK = flags.DEFINE_string("network", "SEResNet50", "A variant of keras_senet.")
PLAIN = flags.DEFINE_bool("plain", False, "Without SE.")
SIZE = flags.DEFINE_integer("size", 224, "Height and width of an image.")
BATCH = flags.DEFINE_integer("batch", 1, "Images in a step, one after the other.")
THREADS = flags.DEFINE_integer("threads", 2, "Threads of the interpreter.")


def main(_):
    """Serves classifications of one random image."""
    network = getattr(keras_senet, NETWORK.value)
    if PLAIN.value:
        network = network.replace(se=None)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.tflite"
        keras_senet.export.to_tflite(network(input_shape=(SIZE.value, SIZE.value, 3)), path)
        interpreter = Interpreter(str(path), num_threads=THREADS.value)
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]
    images = np.random.default_rng(0).uniform(0, 255, entry["shape"]).astype("float32")

    def run(steps):
        for _ in range(steps * BATCH.value):
            interpreter.set_tensor(entry["index"], images)
            interpreter.invoke()

    contenders.serve(run, {})


if __name__ == "__main__":
    app.run(main)
