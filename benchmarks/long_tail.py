"""Uniform against class-balanced sampling on long-tailed data.

    python benchmarks/long_tail.py
    python benchmarks/long_tail.py --data=folder:cifar10 --epochs=20 --seeds=2 --output=tail.json

The training images of the ten classes shrink geometrically to 1 of 100; the held-out images stay.
Runs are short and long: what sampling is worth shrinks as training images become known by heart.
Prints mean and standard deviation of the recall of all classes and of the five smallest ones, and
writes a JSON file.
"""

import itertools
import pathlib
import tempfile

import contenders
import numpy as np
from absl import app, flags
from contenders import FOLDER

import keras_senet
from keras_senet.training import CIFAR_SHORT, DIGITS

DATA = flags.DEFINE_string("data", "digits", "digits, or photographs of 32x32 pixels.")
SEEDS = flags.DEFINE_integer("seeds", 3, "Runs of each sampling, seeds 0, 1, ...")
EPOCHS = flags.DEFINE_list(
    "epochs", ["15", "30", "60"], "Lengths of a run, in epochs of the few images that are left."
)
RATIO = flags.DEFINE_integer("ratio", 100, "Images of the first class for one of the last.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/long_tail.json.")

SAMPLINGS = ("uniform", "class_balanced")
MINORITY = 5  # the classes with the fewest images


def recalls(dataset, epochs, sampling, seed):
    """Share of the held-out images of each class that are recognized."""
    usual = DIGITS if DATA.value == "digits" else CIFAR_SHORT
    recipe = usual.replace(epochs=epochs, warmup_epochs=min(1, epochs - 1), sampling=sampling)
    with tempfile.TemporaryDirectory() as workdir:
        run = keras_senet.training.train(
            keras_senet.SEResNet20, dataset, recipe, workdir, seed=seed
        )
    found = keras_senet.training.evaluate(run.model, dataset, 100)
    return [float(share) for share in found.class_correct / found.class_images]


def main(_):
    """Trains all and compares."""
    dataset = keras_senet.data.load(DATA.value, image_size=32).long_tailed(RATIO.value)
    sizes = np.bincount(dataset.training.labels).tolist()
    print(f"Training images of each class: {sizes}")
    results = []
    for epochs, sampling in itertools.product(map(int, EPOCHS.value), SAMPLINGS):
        rows = [recalls(dataset, epochs, sampling, seed) for seed in range(SEEDS.value)]
        results.append({"epochs": epochs, "sampling": sampling, "recalls": rows})
        for what, values in (("all", rows), ("minority", np.array(rows)[:, -MINORITY:])):
            mean = np.mean(values, axis=1)
            spread = np.std(mean, ddof=1) if len(mean) > 1 else 0.0
            print(
                f"{epochs:3} epochs {sampling:15} recall of {what:8} "
                f"{np.mean(mean):.2%} +- {spread:.2%}"
            )
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/long_tail.json")
    facts = {"device": "cpu", "data": DATA.value, "sizes": sizes, "results": results}
    contenders.write(path, facts)


if __name__ == "__main__":
    app.run(main)
