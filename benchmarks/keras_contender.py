"""One Keras network, ready to train: a contender of train_step.py."""

import contextlib
import time

import contenders
import keras
import numpy as np
from absl import app, flags

import keras_senet
from keras_senet.training import SGD

NETWORK = flags.DEFINE_string("network", "SEResNet50", "A variant of keras_senet.")
LAYERS = flags.DEFINE_enum("layers", "ours", ["ours", "stock"], "Whose layers the network has.")
PRECISION = flags.DEFINE_enum("precision", "float32", ["float32", "bfloat16"], "Compute dtype.")
BATCH = flags.DEFINE_integer("batch", 16, "Images in a step.")
SIZE = flags.DEFINE_integer("size", 224, "Height and width of an image.")
PLAIN = flags.DEFINE_bool("plain", False, "Without SE.")


def stock_squeeze_excitation(reduction, use_bias, name, **_):
    """The SE block as a Keras user would write it, of Keras' own layers."""

    def block(x):
        gates = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
        width = x.shape[-1] // int(reduction)
        gates = keras.layers.Conv2D(width, 1, activation="relu", use_bias=use_bias)(gates)
        gates = keras.layers.Conv2D(x.shape[-1], 1, activation="sigmoid", use_bias=use_bias)(gates)
        return keras.layers.Multiply(name=name)([x, gates])

    return block


@contextlib.contextmanager
def stock_layers():
    """Within this context networks are built of Keras' own layers."""
    layers = keras_senet.layers
    ours = layers.BatchNormalization, layers.Conv2D, layers.SqueezeExcitation
    layers.BatchNormalization = keras.layers.BatchNormalization
    layers.Conv2D = keras.layers.Conv2D
    layers.SqueezeExcitation = stock_squeeze_excitation
    try:
        yield
    finally:
        layers.BatchNormalization, layers.Conv2D, layers.SqueezeExcitation = ours


def build():
    """The network, compiled for a step of stochastic gradient descent with momentum."""
    if PRECISION.value == "bfloat16":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    network = getattr(keras_senet, NETWORK.value)
    if PLAIN.value:
        network = network.replace(se=None)
    with stock_layers() if LAYERS.value == "stock" else contextlib.nullcontext():
        started = time.perf_counter()
        model = network(input_shape=(SIZE.value, SIZE.value, 3))
        built = time.perf_counter() - started
    model.compile(SGD(0.01, momentum=0.9), "sparse_categorical_crossentropy")
    return model, built


def main(_):
    """Serves training steps on one batch of random images."""
    model, built = build()
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (BATCH.value, SIZE.value, SIZE.value, 3)).astype("float32")
    labels = rng.integers(0, 1000, BATCH.value)

    def run(steps):
        for _ in range(steps):
            model.train_on_batch(images, labels)

    versions = {"keras": keras.__version__, keras.backend.backend(): backend_version()}
    contenders.serve(run, {**versions, "build_s": built})


def backend_version():
    """Version of the backend that runs."""
    return __import__(keras.backend.backend()).__version__


if __name__ == "__main__":
    app.run(main)
