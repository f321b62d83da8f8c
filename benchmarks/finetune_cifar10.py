"""Twenty photographs of each of five classes: fine-tuning against training from scratch.

    python benchmarks/finetune_cifar10.py --data=folder:cifar10 --workdir=runs/five_classes

SE-ResNet-20 learns the first five classes of CIFAR-10 from all their training photographs, then the
other five from a few. Its rival begins at random, and takes equally many steps. Both are judged by
the 5000 test photographs of the other five classes. Writes a JSON file.
"""

import pathlib
import tempfile

import contenders
import numpy as np
from absl import app, flags
from contenders import FOLDER
from subsets import only

import keras_senet
from keras_senet.training import CIFAR_SHORT, FINETUNE, train

DATA = flags.DEFINE_string("data", "folder:cifar10", "The photographs: train/ and test/.")
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the first run.", required=True)
FIRST_EPOCHS = flags.DEFINE_integer("first_epochs", 15, "Epochs on the first five classes.")
IMAGES = flags.DEFINE_integer("images", 20, "Photographs of each of the other classes.")
EPOCHS = flags.DEFINE_integer("epochs", 60, "Epochs on these few photographs.")
SEEDS = flags.DEFINE_integer("seeds", 3, "Seeds to repeat with.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/finetune_cifar10.json.")


def main(_):
    """Trains, compares, writes."""
    dataset = keras_senet.data.load(DATA.value, image_size=32)
    first = only(dataset, np.arange(5))
    few = only(dataset, np.arange(5, 10), IMAGES.value)
    # An epoch of a hundred images is not judged by thousands; the end is.
    some = few.held_out.subset(np.arange(0, len(few.held_out), 50))
    few = few.replace(held_out=some, test=few.held_out)
    network = keras_senet.SEResNet20
    before = train(network, first, CIFAR_SHORT.replace(epochs=FIRST_EPOCHS.value), WORKDIR.value)
    weights = pathlib.Path(WORKDIR.value) / "model.keras"
    changes = {"epochs": EPOCHS.value, "batch_size": IMAGES.value}
    ways = {
        "fine-tuned": (FINETUNE.replace(**changes), weights),
        "from scratch": (CIFAR_SHORT.replace(**changes), None),
    }
    accuracies = {name: [] for name in ways}
    for seed in range(SEEDS.value):
        for name, (recipe, start) in ways.items():
            with tempfile.TemporaryDirectory() as folder:
                run = train(network, few, recipe, folder, weights=start, seed=seed)
            accuracies[name].append(run.test.top1)
            print(f"{name}, seed {seed}: {run.test.top1:.2%}", flush=True)
    facts = {
        "first_classes": first.class_names,
        "first_accuracy": before.accuracy,
        "first_epochs": FIRST_EPOCHS.value,
        "classes": few.class_names,
        "images_of_each": IMAGES.value,
        "epochs": EPOCHS.value,
        "accuracy": accuracies,
    }
    contenders.write(pathlib.Path(OUTPUT.value or FOLDER / "results/finetune_cifar10.json"), facts)


if __name__ == "__main__":
    app.run(main)
