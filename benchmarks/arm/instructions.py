"""How many instructions SE adds to a network on 64-bit Arm: `make arm`.

Counts what an emulated Arm processor executes for one image, on one thread, in files of networks
with SE and without, at their full size. An instruction is no unit of time: a dot product of 16
bytes and a move count as one each. Weights are random. See README.md in the folder above.
"""

import pathlib
import tempfile

import contenders
import numpy as np
from absl import app, flags
from arm import machine
from arm.networks import files, model_of
from contenders import FOLDER
from untrained import crops

import keras_senet

COUNTED = ("SEResNet50", "SEMobileNet", "SEShuffleNet", "RegNetY002", "MobileNetV3Large")
NETWORKS = flags.DEFINE_list("networks", list(COUNTED), "Networks with an SE design.")
FORMATS = flags.DEFINE_list("formats", ["int8"], "Of files.")
PROCESSOR = flags.DEFINE_string("processor", "cortex-a76", "QEMU's name of it.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/arm_instructions.json.")


def rows(name, arm, folder):
    """One network with SE and without, in every format."""
    size = getattr(keras_senet, name).input_size
    images = folder / "images.npy"
    np.save(images, crops(1, size, seed=1))
    plain_and_se = {}
    for design in ("plain", "SE"):
        model, known = model_of(name, size, plain=design == "plain")
        (folder / design).mkdir()
        chosen = [None if kind == "float32" else kind for kind in FORMATS.value]
        for kind, path in files(model, known, folder / design, chosen).items():
            plain_and_se.setdefault(kind, {})[design] = arm.count(PROCESSOR.value, path, images)
    for kind, found in plain_and_se.items():
        row = {
            "network": name,
            "size": size,
            "format": kind,
            "instructions": found,
            "ratio": min(found["SE"]) / min(found["plain"]),
        }
        print(row, flush=True)
        yield row


def main(_):
    """Counts all; the file is written after each network."""
    arm = machine.set_up()
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/arm_instructions.json")
    found = []
    for name in NETWORKS.value:
        with tempfile.TemporaryDirectory() as folder:
            found += rows(name, arm, pathlib.Path(folder))
        record = {"versions": arm.versions(), "processor": PROCESSOR.value, "results": found}
        contenders.write(path, record)


if __name__ == "__main__":
    app.run(main)
