"""Writes small models to `saved/`, with their outputs: files that later code must load.

They are frozen. Run it only to add a network, with the code before a change of how files are
written: python tests/golden/make_saved.py NAME ...
"""

import dataclasses
import pathlib
import sys

import keras
import numpy as np

import keras_senet

FOLDER = pathlib.Path(__file__).parent / "saved"
FIRST = keras_senet.MobileNetV3Small.stages[:3]
NARROW = tuple(dataclasses.replace(row, expansions=row.expansions[:2]) for row in FIRST)


def residual():
    """A network of others that gets SE."""
    x = image = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(8, 3, padding="same", name="stem")(x)
    y = keras.layers.Conv2D(8, 3, padding="same", name="first")(x)
    y = keras.layers.BatchNormalization(name="normal")(y)
    x = keras.layers.Add(name="sum")([y, x])
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, keras.layers.Dense(3, name="classes")(x), name="residual")


MODELS = {
    "se_resnet20": lambda: keras_senet.SEResNet20.replace(depths=(1, 1, 1))(
        input_shape=(16, 16, 3), classes=3
    ),
    "mobilenet_v3": lambda: keras_senet.MobileNetV3Small.replace(
        stages=NARROW, alpha=0.25, head_width=16, se=dataclasses.replace(
            keras_senet.MobileNetV3Small.se, stages=(1, 3))
    )(input_shape=(32, 32, 3), classes=3),
    "added_se": lambda: keras_senet.add_se(
        residual(), keras_senet.SEConfig(reduction=2, squeeze="conv", gate="tanh")
    ),
}  # fmt: skip


def pixels(model):
    """Two images in 0..255, noise and a ramp of one colour."""
    shape = model.input_shape[1:]
    noise = np.random.default_rng(0).integers(0, 256, shape)
    ramp = np.linspace(0, 255, shape[1])[:, None] * [1, 0.5, 0]
    return np.stack([noise, np.broadcast_to(ramp, shape)]).astype("float32")


def randomized(model):
    """The model with random weights of which each matters; variances are above 0."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) > 1:
            scale = np.sqrt(2 / np.prod(weight.shape[:-1]))
            weight.assign(rng.normal(0, scale, weight.shape))
        elif weight.path.endswith(("gamma", "variance")):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        else:
            weight.assign(rng.normal(0, 0.1, weight.shape))
    return model


def main():
    """Writes NAME.keras, NAME.weights.h5 and NAME.npy (the outputs) of models that are new."""
    FOLDER.mkdir(exist_ok=True)
    names = sys.argv[1:]
    known = [name for name in names if (FOLDER / f"{name}.npy").exists()]
    if not names or known or not MODELS.keys() >= set(names):
        new = [name for name in MODELS if not (FOLDER / f"{name}.npy").exists()]
        sys.exit(f"Files of earlier code stay. Expected names among {new}. Received: {names}")
    for name in names:
        model = randomized(MODELS[name]())
        model.save(FOLDER / f"{name}.keras")
        if name != "mobilenet_v3":
            model.save_weights(FOLDER / f"{name}.weights.h5")
        np.save(FOLDER / f"{name}.npy", keras.ops.convert_to_numpy(model(pixels(model))))


if __name__ == "__main__":
    main()
