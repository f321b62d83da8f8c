"""Uniform against class-balanced sampling on long-tailed digits.

    python benchmarks/long_tail.py

The training images of the ten classes shrink geometrically to 1 of 100; the held-out images stay.
Prints mean and standard deviation of the recall of all classes and of the five smallest ones, and
writes a JSON file.
"""

import pathlib
import tempfile

import contenders
import numpy as np
from absl import app, flags
from contenders import FOLDER

import keras_senet
from keras_senet.training import DIGITS

SEEDS = flags.DEFINE_integer("seeds", 3, "Runs of each sampling, seeds 0, 1, ...")
EPOCHS = flags.DEFINE_integer("epochs", 60, "Epochs of a run: of the few images that are left.")
RATIO = flags.DEFINE_integer("ratio", 100, "Images of the first class for one of the last.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/long_tail.json.")

MINORITY = 5  # the classes with the fewest images


def recalls(dataset, sampling, seed):
    """Share of the held-out images of each class that are recognized."""
    warmup = min(1, EPOCHS.value - 1)
    recipe = DIGITS.replace(epochs=EPOCHS.value, warmup_epochs=warmup, sampling=sampling)
    with tempfile.TemporaryDirectory() as workdir:
        run = keras_senet.training.train(
            keras_senet.SEResNet20, dataset, recipe, workdir, seed=seed
        )
    images, labels = dataset.held_out_arrays()
    right = run.model.predict(images, verbose=0).argmax(-1) == labels
    return [float(right[labels == label].mean()) for label in range(len(dataset.class_names))]


def main(_):
    """Trains all and compares."""
    dataset = keras_senet.data.load("digits").long_tailed(RATIO.value)
    sizes = np.bincount(dataset.training.labels).tolist()
    print(f"Training images of each class: {sizes}")
    results = []
    for sampling in ("uniform", "class_balanced"):
        rows = [recalls(dataset, sampling, seed) for seed in range(SEEDS.value)]
        results.append({"sampling": sampling, "recalls": rows})
        for what, values in (("all", rows), ("minority", np.array(rows)[:, -MINORITY:])):
            mean = np.mean(values, axis=1)
            spread = np.std(mean, ddof=1) if len(mean) > 1 else 0.0
            print(f"{sampling:15} recall of {what:8} {np.mean(mean):.2%} +- {spread:.2%}")
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/long_tail.json")
    facts = {"device": "cpu", "sizes": sizes, "epochs": EPOCHS.value, "results": results}
    contenders.write(path, facts)


if __name__ == "__main__":
    app.run(main)
