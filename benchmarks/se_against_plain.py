"""SE-ResNet-20 in several designs against ResNet-20, several seeds each.

    python benchmarks/se_against_plain.py
    python benchmarks/se_against_plain.py --designs=all --seeds=3 --data=shapes
    python benchmarks/se_against_plain.py --designs=all --seeds=1 --data=folder:cifar10 --epochs=10

All networks are trained alike; nothing but the SE blocks differs. Prints mean and standard
deviation of the held-out accuracy and writes a JSON file after each design.
"""

import pathlib
import tempfile

import contenders
import numpy as np
from absl import app, flags
from contenders import FOLDER

import keras_senet
from keras_senet import SEConfig
from keras_senet.training import CIFAR, DIGITS

# At 16 channels the hidden layer of the paper's design has one ReLU unit, at 32 two; `divisor=8`
# makes it eight wide in all stages. The gates of the paper's begin at 1/2.
DESIGNS = {
    "plain": None,
    "paper": SEConfig(),
    "start 0.9": SEConfig(start=0.9),
    "doubled": SEConfig(gate="doubled_sigmoid"),
    "wide": SEConfig(divisor=8),
    "wide start 0.9": SEConfig(divisor=8, start=0.9),
    "wide doubled": SEConfig(divisor=8, gate="doubled_sigmoid"),
}
SEEDS = flags.DEFINE_integer("seeds", 5, "Runs of each network, seeds 0, 1, ...")
EPOCHS = flags.DEFINE_integer("epochs", None, "Epochs of a run. Default: 20, on shapes 12.")
DATA = flags.DEFINE_list("data", ["digits", "shapes"], "Data sets.")
NAMES = flags.DEFINE_list(
    "designs", ["plain", "paper"], f"Of {', '.join(map(repr, DESIGNS))}; all."
)
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/se_against_plain.json.")

RECIPES = {
    "digits": DIGITS.replace(epochs=20, gate_start=None),
    "shapes": CIFAR.replace(epochs=12, schedule="cosine", drops=(), warmup_epochs=1, batch_size=64),
}


def accuracies(title, name, recipe):
    """Held-out accuracy of a run for each seed."""
    network, dataset = (
        keras_senet.SEResNet20.replace(se=DESIGNS[title]),
        keras_senet.data.load(name),
    )
    values = []
    for seed in range(SEEDS.value):
        with tempfile.TemporaryDirectory() as workdir:
            run = keras_senet.training.train(network, dataset, recipe, workdir, seed=seed)
        values.append(run.accuracy)
        print(f"{name} {title} seed {seed}: {run.accuracy:.4f}", flush=True)
    return values


def main(_):
    """Trains all and compares."""
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/se_against_plain.json")
    names = list(DESIGNS) if NAMES.value == ["all"] else NAMES.value
    results = []
    for name in DATA.value:
        recipe = RECIPES[name]
        if EPOCHS.value:
            warmup = min(1, EPOCHS.value - 1)
            recipe = recipe.replace(epochs=EPOCHS.value, warmup_epochs=warmup)
        rows = {}
        results.append({"data": name, "epochs": recipe.epochs, "accuracies": rows})
        for title in names:
            rows[title] = accuracies(title, name, recipe)
            contenders.write(path, {"device": "cpu", "results": results})
        for title, values in rows.items():
            spread = np.std(values, ddof=1) if len(values) > 1 else 0.0
            print(f"{name:8} {title:16} {np.mean(values):.2%} +- {spread:.2%}")


if __name__ == "__main__":
    app.run(main)
