"""Which runtimes read which files: python benchmarks/runtimes.py --runtimes=NAME=PYTHON,...

Writes small networks of five families in every format, runs each file in each runtime (a virtual
environment with numpy and the runtime alone), with XNNPACK and with TFLite's own kernels, and
compares with the Keras model. A runtime that refuses a file is recorded with its reason. Weights
are random, normalizations have the statistics of photographs. See README.md beside this.
"""

import pathlib
import subprocess
import tempfile

import contenders
import keras
import numpy as np
from absl import app, flags
from contenders import FOLDER
from untrained import calibrated, crops

import keras_senet
from keras_senet import export

RUNTIMES = flags.DEFINE_list(
    "runtimes", None, "NAME=PYTHON for each, the oldest first.", required=True
)
IMAGES = flags.DEFINE_integer("images", 48, "Crops of two photographs, as many to calibrate with.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/runtimes.json.")

WORKER = FOLDER / "runtimes_worker.py"
KERNELS = ("delegate", "builtin")
NETWORKS = {
    "SE-ResNet-20": (keras_senet.SEResNet20.replace(depths=(1, 1, 1)), 32),
    "SE-ResNeXt, grouped": (keras_senet.SEResNeXt50.replace(depths=(1, 1, 1, 1)), 64),
    "SE-MobileNet": (keras_senet.SEMobileNet.replace(alpha=0.25), 64),
    "SE-ShuffleNet": (keras_senet.SEShuffleNet.replace(depths=(2, 2, 2)), 64),
    "MobileNetV3": (keras_senet.MobileNetV3Small, 64),
}


def run(python, path, images, kernels):
    """Outputs of a file in another interpreter, and why there are none."""
    outputs = path.with_suffix(".npy")
    outputs.unlink(missing_ok=True)
    command = [python, str(WORKER), str(path), str(images), str(outputs), kernels]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        return None, f"exit code {done.returncode}: {lines[-1]}"
    return np.load(outputs), None


def compared(received, expected):
    """Agreement of the best class, and the largest difference of a probability."""
    return {
        "top1_agreement": float(np.mean(received.argmax(-1) == expected.argmax(-1))),
        "largest_difference": float(np.abs(received - expected).max()),
        "classes": len(set(received.argmax(-1).tolist())),
    }


def rows(name, runtimes, folder):
    """One network in every format, runtime and kind of kernels."""
    network, size = NETWORKS[name]
    known, judged = (crops(IMAGES.value, size, seed) for seed in (0, 1))
    model = calibrated(network, known)
    # Scales of the classes differ, so that a runtime that reads one for all is seen.
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel * np.geomspace(0.5, 2, len(bias)), bias])
    expected = model.predict(judged, verbose=0)
    images = folder / "images.npy"
    np.save(images, judged)
    for quantization in export.QUANTIZATIONS:
        needs_images = quantization in ("int8", "int8_full")
        path = export.to_tflite(
            model,
            folder / "network.tflite",
            quantization=quantization,
            calibration_images=known if needs_images else None,
            overwrite=True,
        )
        for runtime, python in runtimes.items():
            for kernels in KERNELS:
                received, refusal = run(python, path, images, kernels)
                result = {"refusal": refusal} if refusal else compared(received, expected)
                row = {
                    "network": name,
                    "quantization": quantization or "float32",
                    "runtime": runtime,
                    "kernels": kernels,
                    "model_classes": len(set(expected.argmax(-1).tolist())),
                    **result,
                }
                print(row, flush=True)
                yield row


def main(_):
    """Tries every file in every runtime."""
    runtimes = dict(pair.split("=", 1) for pair in RUNTIMES.value)
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/runtimes.json")
    results = []
    for name in NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            results.extend(rows(name, runtimes, pathlib.Path(folder)))
        contenders.write(path, {"images": IMAGES.value, "results": results})
        keras.backend.clear_session()


if __name__ == "__main__":
    app.run(main)
