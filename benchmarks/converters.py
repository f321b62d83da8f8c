"""Our files beside those of TensorFlow's converter, litert-quantizer, ONNX Runtime and OpenVINO.

    python benchmarks/converters.py --data=folder:cifar10 --server_python=SERVERS/bin/python

Trained networks: the packaged SE-ResNet-20 on the test photographs of CIFAR-10; SE-ResNet-20 and a
network like MobileNetV3 on digits, which the script trains; and the former with a hidden unit of an
SE block that is always 0. Every contender makes files of the same model with the same calibration
images, and every file classifies the same test images, one at a time on one thread. Those that ran
then take turns. SERVERS needs onnx, onnxruntime, openvino, nncf and sympy; this environment the
extra `onnx`. See README.md beside this.
"""

import functools
import importlib.metadata
import json
import os
import pathlib
import sys
import tempfile

import contenders
import keras
import numpy as np
from absl import app, flags
from contenders import FOLDER, Contender
from conversions import OURS, phone_entries, server_entries
from judging import WORKER, Entry, Exam, judged
from mobilenet_v3_tiny import NETWORK

import keras_senet
from keras_senet.extras import check_installed
from keras_senet.layers import SqueezeExcitation
from keras_senet.training import DIGITS, train

DATA = flags.DEFINE_string("data", "folder:cifar10", "CIFAR-10's photographs: train/ and test/.")
NETWORKS = flags.DEFINE_list(
    "networks", ["cifar10", "digits", "mobile", "idle"], "Which to compare."
)
IMAGES = flags.DEFINE_integer("images", None, "Test images at most. Default: all.")
CALIBRATION = flags.DEFINE_integer("calibration_images", 500, "Training images for int8.")
ROUNDS = flags.DEFINE_integer("rounds", 31, "Turns of each contender.", lower_bound=2)
BATCH = flags.DEFINE_integer("batch", 20, "Images in a turn, one after the other.")
SERVER_PYTHON = flags.DEFINE_string(
    "server_python", sys.executable, "Interpreter that has onnx, onnxruntime, openvino and nncf."
)
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/converters.json.")

# Formats that ours are not made in, and what they are compared with.
COUNTERPARTS = {"weights": "dynamic", "bf16": "float32", "int8_7bit": "int8", "uint8": "int8"}
BELOW_ZERO = 10  # several times what a hidden unit of that block reaches
# What a processor's name does not tell: instructions for products of int8 and bfloat16.
INSTRUCTIONS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16")


def photographs():
    """The packaged network, and CIFAR-10."""
    model = keras_senet.SEResNet20(weights="keras_senet/se_resnet20.cifar10")
    return model, keras_senet.data.load(DATA.value, image_size=32)


@functools.cache
def trained_on_digits(network):
    """A network trained as demo.py does, and the digits."""
    dataset = keras_senet.data.load("digits")
    with tempfile.TemporaryDirectory() as folder:
        return train(network, dataset, DIGITS, folder, resume="never").model, dataset


def with_an_idle_unit():
    """SE-ResNet-20 on digits; the one hidden unit of its first SE block is 0 for every image.

    It is made so, and not trained on.
    """
    trained, dataset = trained_on_digits(keras_senet.SEResNet20)
    model = keras.models.clone_model(trained)
    model.set_weights(trained.get_weights())
    block = next(x for x in model.layers if isinstance(x, SqueezeExcitation))
    kernel, bias, *others = block.get_weights()
    block.set_weights([kernel, bias - BELOW_ZERO, *others])
    return model, dataset


TRAINED = {
    "cifar10": ("SE-ResNet-20 on CIFAR-10", photographs),
    "digits": ("SE-ResNet-20 on digits", lambda: trained_on_digits(keras_senet.SEResNet20)),
    "mobile": ("a network like MobileNetV3 on digits", lambda: trained_on_digits(NETWORK)),
    "idle": ("SE-ResNet-20 on digits with an idle unit", with_an_idle_unit),
}


def timed(entries, rows, images_path):
    """Adds medians, quartiles and the ratio to our file of the same format, all in turns."""
    group = {
        index: Contender(
            f"{entry.contender} {entry.format}",
            WORKER,
            {
                "runtime": entry.runtime,
                "file": entry.path,
                "images": images_path,
                "variant": entry.variant,
                "batch": BATCH.value,
            },
            entry.python,
        )
        for index, (entry, row) in enumerate(zip(entries, rows, strict=True))
        if "accuracy" in row
    }
    list(contenders.compete([list(group.values())], ROUNDS.value, steps=1, warm_up=2))
    own = {
        rows[index]["format"]: np.array(contender.seconds)
        for index, contender in group.items()
        if rows[index]["contender"] == OURS and rows[index]["runtime"] == "LiteRT"
    }
    for index, contender in group.items():
        seconds = np.array(contender.seconds)
        beside = rows[index]["format"]
        beside = beside if beside in own else COUNTERPARTS[beside]
        low, median, high = np.percentile(1000 * seconds / BATCH.value, (25, 50, 75)).tolist()
        rows[index] |= {
            "median_ms": median,
            "quartiles_ms": [low, high],
            "beside": beside,
            "ratio": float(np.median(seconds / own[beside])),
        }


def compare(name, folder):
    """All contenders of one network, and the versions that made them."""
    title, make = TRAINED[name]
    model, dataset = make()
    dataset = dataset.seen_by(model)
    images, labels = dataset.held_out_arrays(IMAGES.value)
    known = dataset.calibration_images(CALIBRATION.value)
    images_path, known_path = folder / "images.npy", folder / "known.npy"
    np.save(images_path, images)
    np.save(known_path, known)
    exam = Exam(images, images_path, labels, model.predict(images, verbose=0))
    entries = list(phone_entries(model, known, folder))
    own = next(x for x in entries if (x.contender, x.format) == (OURS, "int8"))
    entries.append(Entry(OURS, "int8", own.path, "OpenVINO", "f32", SERVER_PYTHON.value))
    served, versions = server_entries(model, known_path, folder, SERVER_PYTHON.value)
    entries += served
    rows = []
    for entry in entries:
        row = judged(entry, exam, folder)
        versions |= row.pop("versions", {})
        print(row, flush=True)
        rows.append(row)
    load = os.getloadavg()[0]
    timed(entries, rows, images_path)
    return {
        "name": name,
        "network": title,
        "parameters": model.count_params(),
        "images": len(images),
        "calibration_images": len(known),
        "model_accuracy": float(np.mean(exam.expected.argmax(-1) == labels)),
        # Programs that wait for a core: before the turns, which add one, and after.
        "load": [load, os.getloadavg()[0]],
        "rows": rows,
    }, versions


def instructions():
    """Which of INSTRUCTIONS this processor has."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    known = next((line.split() for line in lines if line.startswith("flags")), [])
    return [name for name in INSTRUCTIONS if name in known]


def main(_):
    """Compares on every network; keeps the results of others."""
    check_installed("tf2onnx", "onnx", "ONNX")
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/converters.json")
    packages = ("keras-senet", "keras", "tensorflow", "litert-quantizer", "tf2onnx")
    versions = {name: importlib.metadata.version(name) for name in packages}
    results = json.loads(path.read_text())["results"] if path.exists() else []
    for name in NETWORKS.value:
        with tempfile.TemporaryDirectory() as folder:
            found, made_by = compare(name, pathlib.Path(folder))
        results = [one for one in results if one["name"] != name] + [found]
        versions |= made_by
        record = {"instructions": instructions(), "versions": dict(sorted(versions.items()))}
        rounds = {"rounds": ROUNDS.value, "images_in_a_turn": BATCH.value}
        contenders.write(path, {**record, **rounds, "results": results})


if __name__ == "__main__":
    app.run(main)
