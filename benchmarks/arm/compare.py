"""What 64-bit Arm makes of the files of small networks, beside x86: `make arm`.

Writes each network in every format on this machine, runs the files here and on an emulated Arm
machine (see machine.py) in the same LiteRT, and compares outputs and how XNNPACK splits the files.
Weights are random but for the network of CIFAR-10. See README.md in the folder above.
"""

import json
import pathlib
import tempfile

import contenders
import numpy as np
from absl import app, flags
from arm import machine
from arm.networks import NETWORKS, files, model_of
from contenders import FOLDER
from untrained import crops

from keras_senet.export.tflite.litert import LiteRT, program_of

PROCESSORS = {
    "cortex-a53": "no dot products",
    "cortex-a76": "dot products of int8",
    "max": "all that QEMU knows, matrix products and SME among them",
}
CHOSEN = flags.DEFINE_list("networks", list(NETWORKS), "Of keras_senet.")
IMAGES = flags.DEFINE_integer("images", 4, "Crops of two photographs, others than to calibrate.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/arm.json.")


def answered(run, images, paths):
    """Outputs and `Program` of each file, by format, from a function that runs the worker."""
    answers = images.with_name("answers.json")
    run([machine.WORKER, images, answers, *paths.values()])
    found = json.loads(answers.read_text())
    return {
        name: (np.load(f"{path}.npz")["0"], program_of(**found[str(path)]))
        for name, path in paths.items()
    }


def decoded(outputs, litert):
    """Outputs as probabilities, `(images, classes)` float64."""
    scale, zero = litert.output["quantization"]
    return (outputs.astype("float64") - zero) * scale if scale else outputs.astype("float64")


def largest(one, other):
    """Largest difference of a probability."""
    return float(np.abs(one - other).max())


def rows(name, arm, folder):
    """One network in every format on every processor."""
    model, known = model_of(name)
    images = folder / "images.npy"
    np.save(images, crops(IMAGES.value, known.shape[1], seed=1))
    paths = files(model, known, folder)
    here, first = answered(machine.on_host, images, paths), {}
    for processor in PROCESSORS:
        there = answered(lambda worker, cpu=processor: arm.run(cpu, worker), images, paths)
        for kind, (outputs, split) in there.items():
            received, host = (decoded(x, LiteRT(paths[kind])) for x in (outputs, here[kind][0]))
            row = {
                "network": name,
                "size": known.shape[1],
                "images": IMAGES.value,
                "format": kind,
                "processor": processor,
                "difference": largest(received, host),
                "median_of_images": float(np.median(np.abs(received - host).max(-1))),
                "difference_from_first": largest(received, first.setdefault(kind, received)),
                "top1_agreement": float(np.mean(received.argmax(-1) == host.argmax(-1))),
                "to_float32": largest(received, here["float32"][0]),
                "host_to_float32": largest(host, here["float32"][0]),
                "classes": len(set(host.argmax(-1).tolist())),
                "partitions": split.partitions,
                "undelegated": list(split.undelegated),
                "host_partitions": here[kind][1].partitions,
            }
            print(row, flush=True)
            yield row


def main(_):
    """Compares all; the file is written after each network and keeps the rows of others."""
    arm = machine.set_up()
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/arm.json")
    known = json.loads(path.read_text())["results"] if path.exists() else []
    for name in CHOSEN.value:
        with tempfile.TemporaryDirectory() as folder:
            found = list(rows(name, arm, pathlib.Path(folder)))
        known = [row for row in known if row["network"] != name] + found
        contenders.write(path, {"versions": arm.versions(), "results": known})


if __name__ == "__main__":
    app.run(main)
