"""SE-ResNet-20 against ResNet-20 on digits and on drawn shapes, several seeds each.

    python benchmarks/se_against_plain.py

Both networks are trained alike; nothing but the SE blocks differs. Prints mean and standard
deviation of the held-out accuracy and writes a JSON file.
"""

import pathlib
import tempfile

import contenders
import numpy as np
from absl import app, flags
from contenders import FOLDER

import keras_senet
from keras_senet.training import CIFAR, DIGITS

SEEDS = flags.DEFINE_integer("seeds", 5, "Runs of each network, seeds 0, 1, ...")
EPOCHS = flags.DEFINE_integer("epochs", None, "Epochs of a run. Default: 20, on shapes 12.")
DATA = flags.DEFINE_list("data", ["digits", "shapes"], "Data sets.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/se_against_plain.json.")

NETWORKS = {
    "ResNet-20": keras_senet.SEResNet20.replace(se=None),
    "SE-ResNet-20": keras_senet.SEResNet20,
}
RECIPES = {
    "digits": DIGITS.replace(epochs=20),
    "shapes": CIFAR.replace(epochs=12, schedule="cosine", drops=(), warmup_epochs=1, batch_size=64),
}


def accuracies(title, name):
    """Held-out accuracy of a run for each seed."""
    network, dataset = NETWORKS[title], keras_senet.data.load(name)
    recipe = RECIPES[name]
    if EPOCHS.value:
        recipe = recipe.replace(epochs=EPOCHS.value, warmup_epochs=min(1, EPOCHS.value - 1))
    values = []
    for seed in range(SEEDS.value):
        with tempfile.TemporaryDirectory() as workdir:
            run = keras_senet.training.train(network, dataset, recipe, workdir, seed=seed)
        values.append(run.accuracy)
        print(f"{name} {title} seed {seed}: {run.accuracy:.4f}", flush=True)
    return values


def main(_):
    """Trains all and compares."""
    results = []
    for name in DATA.value:
        rows = {title: accuracies(title, name) for title in NETWORKS}
        results.append(
            {"data": name, "epochs": EPOCHS.value or RECIPES[name].epochs, "accuracies": rows}
        )
        for title, values in rows.items():
            spread = np.std(values, ddof=1) if len(values) > 1 else 0.0
            print(f"{name:8} {title:14} {np.mean(values):.2%} +- {spread:.2%}")
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/se_against_plain.json")
    contenders.write(path, {"device": "cpu", "results": results})


if __name__ == "__main__":
    app.run(main)
