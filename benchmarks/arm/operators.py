"""Which operators compute otherwise on 64-bit Arm than on x86: `make arm`.

All activations of an int8 file become outputs, on an emulated Arm processor. This machine then runs
each operator alone on what the Arm processor gave to it, and compares: a difference is the
operator's own, and none of an earlier one. See README.md in the folder above.
"""

import pathlib
import tempfile

import contenders
import numpy as np
from absl import app, flags
from arm import machine
from arm.dissection import dissected, exposed
from arm.networks import files, model_of
from contenders import FOLDER
from untrained import crops

NETWORKS = flags.DEFINE_list("networks", ["SEResNet50", "MobileNetV3Large"], "Of keras_senet.")
IMAGES = flags.DEFINE_integer("images", 8, "Crops of two photographs.")
KNOWN = flags.DEFINE_integer("calibration", 48, "Crops to calibrate with.")
PROCESSOR = flags.DEFINE_string("processor", "cortex-a76", "QEMU's name of the processor.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/arm_operators.json.")


def rows(name, arm, folder):
    """The operators of one network's int8 file."""
    model, known = model_of(name, known=KNOWN.value)
    images = crops(IMAGES.value, known.shape[1], seed=1)
    np.save(folder / "images.npy", images)
    (path,) = files(model, known, folder, ("int8",)).values()
    network = path.read_bytes()
    file, tensors = exposed(network)
    path.write_bytes(file)
    worker = [machine.WORKER, folder / "images.npy", folder / "answers.json", path]
    results = []
    for run in (machine.on_host, lambda arguments: arm.run(PROCESSOR.value, arguments)):
        run(worker)
        with np.load(f"{path}.npz") as outputs:
            results.append({index: outputs[str(n)] for n, index in enumerate(tensors)})
    here, there = results
    for row, index in zip(dissected(network, images, there), tensors, strict=True):
        together = np.abs(here[index].astype("float64") - there[index].astype("float64"))
        in_file = {"differ": int(np.count_nonzero(together)), "largest": float(together.max())}
        yield {"network": name, **row, "in_file": in_file}


def main(_):
    """Dissects all."""
    arm = machine.set_up()
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/arm_operators.json")
    found = []
    for name in NETWORKS.value:
        with tempfile.TemporaryDirectory() as folder:
            found += rows(name, arm, pathlib.Path(folder))
        for row in found:
            if row["network"] == name and row["differ"]:
                print(row, flush=True)
        facts = {"processor": PROCESSOR.value, "images": IMAGES.value, "calibration": KNOWN.value}
        contenders.write(path, {"versions": arm.versions(), **facts, "results": found})


if __name__ == "__main__":
    app.run(main)
