"""Makes earlier_files.zip again: small networks, saved, and their outputs.

The files in the repository were written by the code of commit eebc7fe, which is what they are
there for: run this only to add a network, at the commit whose files are to stay readable.

    python tests/golden/make_earlier_files.py
"""

import dataclasses
import pathlib
import tempfile
import zipfile

import keras
import numpy as np

import keras_senet
from keras_senet.architectures.mobilenet_v3 import Stage

FILE = pathlib.Path(__file__).with_name("earlier_files.zip")
SIZE = 16
# 72 channels inside of the second: the hidden width of SE is 24, rounded up by its `round_limit`.
STAGES = (
    Stage(16, (1,), stride=2, activation="relu"),
    Stage(24, (3,), kernel_size=5, stride=2, activation="relu"),
    Stage(24, (3,), kernel_size=5),
)


def networks():
    """Functions that build each network with random weights, by name."""
    residual = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
    se = dataclasses.replace(keras_senet.MobileNetV3Large.se, stages=(1, 2, 3))
    mobile = keras_senet.MobileNetV3Large.replace(stages=STAGES, head_width=32, se=se)
    grouped = keras_senet.SEShuffleNet.replace(scale=0.25, depths=(2, 1, 1))
    shape = (SIZE, SIZE, 3)
    return {
        "residual": lambda: residual(input_shape=shape),
        "mobile": lambda: mobile(input_shape=shape, classes=10),
        "grouped": lambda: grouped(input_shape=shape, classes=10),
        "added": lambda: keras_senet.add_se(_plain(), keras_senet.SEConfig(reduction=4)),
    }


def _plain():
    """A residual network that knows nothing of SE."""
    image = keras.Input((SIZE, SIZE, 3), name="image")
    x = keras.layers.Rescaling(1 / 255, name="pixels")(image)
    x = keras.layers.Conv2D(16, 3, strides=2, padding="same", name="stem")(x)
    for index in range(2):
        y = keras.layers.Conv2D(16, 3, padding="same", use_bias=False, name=f"conv{index}")(x)
        y = keras.layers.BatchNormalization(name=f"norm{index}")(y)
        x = keras.layers.Add(name=f"sum{index}")([x, keras.layers.ReLU(name=f"relu{index}")(y)])
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, keras.layers.Dense(10, name="head")(x), name="plain")


def images():
    """Two images of noise, uint8 as pixels are."""
    return np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3), "uint8")


def _fill(model):
    """Random weights, moving statistics and biases included; few digits, which zip packs well."""
    rng = np.random.default_rng(1)
    for variable in model.weights:
        values = rng.normal(0, 1 / np.sqrt(max(1, np.prod(variable.shape[:-1]))), variable.shape)
        if variable.name in ("gamma", "moving_variance"):
            values = rng.uniform(0.5, 1.5, variable.shape)
        variable.assign(np.round(256 * values).astype("float32") / 256)


def main():
    """Writes a `.keras` and a `.weights.h5` file of each network, and the outputs of all."""
    outputs = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for name, build in networks().items():
            model = build()
            _fill(model)
            model.save(folder / f"{name}.keras")
            model.save_weights(folder / f"{name}.weights.h5")
            outputs[name] = model.predict(images(), verbose=0)
        np.savez(folder / "outputs.npz", **outputs)
        with zipfile.ZipFile(FILE, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.iterdir()):
                archive.write(path, path.name)


if __name__ == "__main__":
    main()
