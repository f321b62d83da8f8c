"""Whose rounding makes a float32 file and its model differ: python benchmarks/rounding.py.

A deep network with random weights amplifies the rounding of its first layers, the more the larger
its residual branches are. The same network in float64 (its gates and its classifier excepted, which
stay in float32) says how far the model itself, and the file, are from what they both compute.
Writes a JSON file after each network.
"""

import json
import pathlib
import tempfile

import contenders
import keras
import numpy as np
from absl import app, flags
from contenders import FOLDER
from untrained import calibrated, crops, size_of

import keras_senet
from keras_senet import export
from keras_senet.export.tflite.litert import LiteRT

NETWORKS = flags.DEFINE_list(
    "networks", [], "Of keras_senet. Default: those that differ by over 1e-4 in agreement.json."
)
IMAGES = flags.DEFINE_integer("images", 48, "Crops of two photographs, as many to calibrate with.")
BRANCHES = flags.DEFINE_list("branches", ["1", "0.2"], "Gammas that residual branches end in.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/rounding.json.")


def differing():
    """Names of the networks whose float32 files differ most from the model."""
    rows = json.loads((FOLDER / "results/agreement.json").read_text())
    return [
        row["network"]
        for row in rows
        if row["quantization"] == "float32" and row["largest_difference"] > 1e-4
    ]


def in_float64(network, model):
    """The network in float64 with the model's weights."""
    keras.config.set_dtype_policy("float64")
    try:
        exact = network(input_shape=model.input_shape[1:], classes=model.output_shape[-1])
    finally:
        keras.config.set_dtype_policy("float32")
    exact.set_weights(model.get_weights())
    return exact


def row(name, branch):
    """The three largest differences of a probability, of one network."""
    network = getattr(keras_senet, name)
    known, judged = (crops(IMAGES.value, size_of(network), seed) for seed in (0, 1))
    model = calibrated(network, known, branch)
    exact = in_float64(network, model).predict(judged, verbose=0)
    ours = model.predict(judged, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        path = export.to_tflite(model, pathlib.Path(folder) / "network.tflite")
        file = LiteRT(path)(judged.astype("float32"))
    return {
        "network": name,
        "branch": branch,
        "top1_agreement": float(np.mean(file.argmax(-1) == ours.argmax(-1))),
        "model_to_float64": float(np.abs(ours - exact).max()),
        "file_to_float64": float(np.abs(file - exact).max()),
        "file_to_model": float(np.abs(file - ours).max()),
    }


def main(_):
    """Measures every network."""
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/rounding.json")
    rows = []
    for name in NETWORKS.value or differing():
        for branch in map(float, BRANCHES.value):
            rows.append(row(name, branch))
            contenders.write(path, {"images": IMAGES.value, "rows": rows})
            print(rows[-1], flush=True)
            keras.backend.clear_session()


if __name__ == "__main__":
    app.run(main)
