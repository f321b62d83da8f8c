"""One Keras network, trained or asked: a contender of train_step.py and inference.py."""

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
MODE = flags.DEFINE_enum("mode", "train", ["train", "infer"], "What a step does.")
PLAIN = flags.DEFINE_bool("plain", False, "Without SE.")
JIT = flags.DEFINE_bool("jit", None, "Whether XLA compiles a step. Default: as Keras chooses.")
PREPARED = flags.DEFINE_bool("prepared", False, "Whether variables are made before the first step.")
MIRRORED = flags.DEFINE_bool("mirrored", False, "Whether under TensorFlow's MirroredStrategy.")
FOLDED = flags.DEFINE_bool("folded", False, "Whether a network that is asked is folded.")


def stock_squeeze_excitation(reduction, use_bias, name, **_):
    """The SE block as a Keras user would write it, of Keras' own layers."""

    def block(x):
        width = x.shape[-1] // int(reduction)
        gates = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
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
    """The network, compiled for stochastic gradient descent with momentum; seconds of building."""
    if PRECISION.value == "bfloat16":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    network = getattr(keras_senet, NETWORK.value)
    if PLAIN.value:
        network = network.replace(se=None)
    # Building includes what a backend loads on its first use: not ours to measure.
    keras.layers.Dense(1)(keras.Input((1,)))
    with stock_layers() if LAYERS.value == "stock" else contextlib.nullcontext():
        started = time.perf_counter()
        model = network(input_shape=(SIZE.value, SIZE.value, 3))
        seconds = time.perf_counter() - started
    if FOLDED.value:
        model = keras_senet.export.fold(model)
    jit = "auto" if JIT.value is None else JIT.value
    optimizer = SGD(0.01, momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=jit)
    if PREPARED.value:
        prepare(model)
    return model, seconds


def prepare(model):
    """What docs/plain_keras.md advises before the first step."""
    model.optimizer.build(model.trainable_variables)
    labels, scores = keras.ops.zeros(1, "int32"), keras.ops.ones((1, model.output.shape[-1]))
    model.compute_metrics(None, labels, scores)
    model.reset_metrics()


def replicated():
    """The scope of MirroredStrategy on all devices."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy().scope()


def main(_):
    """Serves steps on one batch of random images."""
    with replicated() if MIRRORED.value else contextlib.nullcontext():
        model, build_s = build()
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (BATCH.value, SIZE.value, SIZE.value, 3), "uint8")
    labels = rng.integers(0, model.output_shape[-1], BATCH.value)
    backend = keras.backend.backend()

    def fit(steps):
        # One epoch: the backends with an accelerator run ahead of Python until its end.
        model.fit(((images, labels) for _ in range(steps)), steps_per_epoch=steps, verbose=0)

    def step(steps):
        for _ in range(steps):
            model.train_on_batch(images, labels)

    def infer(steps):
        for _ in range(steps):
            model.predict_on_batch(images)

    versions = {"keras": keras.__version__, backend: __import__(backend).__version__}
    train = step if backend == "tensorflow" and not MIRRORED.value else fit
    run = train if MODE.value == "train" else infer
    contenders.serve(run, {"versions": versions, "build_s": build_s})


if __name__ == "__main__":
    app.run(main)
