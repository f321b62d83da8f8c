"""Accuracy on digits: the recipe as it is, and fine-tuning against training from scratch.

    python benchmarks/digits.py --seeds=3

Fine-tuning: SE-ResNet-20 is trained on the classes 0 to 4, then on 5 to 9 for a few epochs with the
recipe `finetune`; its rival begins at random and takes equally many steps of the recipe `digits`.
"""

import json
import pathlib
import tempfile

import keras
import numpy as np
from absl import app, flags
from subsets import only

import keras_senet
from keras_senet.training import DIGITS, FINETUNE, train

_SEEDS = flags.DEFINE_integer("seeds", 3, "Seeds to repeat with.")
_EPOCHS = flags.DEFINE_integer("finetune_epochs", 4, "Epochs of fine-tuning and its rival.")
_PARTS = flags.DEFINE_multi_enum(
    "part", ["recipe", "finetune"], ["recipe", "finetune"], "What to measure."
)
_OUTPUT = flags.DEFINE_string("output", "benchmarks/results/digits.json", "Where to write.")


def recipe_accuracy(dataset, seed, folder):
    """Held-out accuracy of SE-ResNet-20 after the recipe `digits`."""
    return {"recipe": train(keras_senet.SEResNet20, dataset, DIGITS, folder, seed=seed).accuracy}


def finetune_accuracy(dataset, seed, folder):
    """Held-out accuracy on 5 to 9 after equally many steps, from 0 to 4 and from scratch."""
    first, second = only(dataset, np.arange(5)), only(dataset, np.arange(5, 10))
    folder = pathlib.Path(folder)
    before = train(keras_senet.SEResNet20, first, DIGITS, folder / "before", seed=seed)
    weights = folder / "before.weights.h5"
    before.model.save_weights(weights)
    recipes = {
        "finetune": FINETUNE.replace(epochs=_EPOCHS.value),
        "scratch": DIGITS.replace(epochs=_EPOCHS.value),
    }
    return {
        name: train(
            keras_senet.SEResNet20,
            second,
            recipe,
            folder / name,
            weights=weights if name == "finetune" else None,
            seed=seed,
        ).accuracy
        for name, recipe in recipes.items()
    }


def main(argv):
    """Measures, prints means and writes all figures."""
    del argv
    dataset = keras_senet.data.load("digits")
    measures = {"recipe": recipe_accuracy, "finetune": finetune_accuracy}
    figures = {}
    for seed in range(_SEEDS.value):
        for part in dict.fromkeys(_PARTS.value):
            with tempfile.TemporaryDirectory() as folder:
                for name, accuracy in measures[part](dataset, seed, folder).items():
                    figures.setdefault(name, []).append(accuracy)
    for name, values in figures.items():
        seeds = " ".join(f"{value:.4f}" for value in values)
        print(f"{name}: mean {np.mean(values):.4f} of {seeds}")
    result = {
        "accuracy": figures,
        "finetune_epochs": _EPOCHS.value,
        "versions": {"keras": keras.__version__, "backend": keras.backend.backend()},
    }
    path = pathlib.Path(_OUTPUT.value)
    partial = path.with_suffix(".json.part")
    partial.write_text(json.dumps(result, indent=2) + "\n")
    partial.replace(path)


if __name__ == "__main__":
    app.run(main)
