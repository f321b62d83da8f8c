"""What folding and merged groups are worth in LiteRT: python benchmarks/folding.py.

Exports each network with SE and without in several ways, and times the files in turns. The first
is the plain network converted layer by layer, with which the others are compared. Prints
milliseconds and ratios, and writes a JSON file. See README.md beside this.
"""

import dataclasses
import pathlib
import tempfile

import contenders
import keras
from absl import app, flags
from contenders import FOLDER
from untrained import calibrated, crops

import keras_senet
from keras_senet import export
from keras_senet.export.tflite.conversion import convert
from keras_senet.export.tflite.int8 import calibrate, quantize

NETWORKS = flags.DEFINE_list("networks", ["SEResNet50", "SEResNeXt50"], "With SE, of keras_senet.")
QUANTIZATIONS = flags.DEFINE_multi_enum(
    "quantization", ["float32", "int8"], ["float32", "int8"], "Repeat for several."
)
WIDTHS = flags.DEFINE_list("widths", ["1", "16", "64"], "Least channels of a group.")
THREADS = flags.DEFINE_list("threads", ["1", "2"], "Numbers of threads.")
RUNS = flags.DEFINE_integer("runs", 50, "Rounds, in each of which every file runs once.")
SIZE = flags.DEFINE_integer("size", 224, "Height and width of an image.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/folding.json.")

CALIBRATION_IMAGES = 8  # Latency does not depend on the ranges.


def layer_by_layer(model, images, quantization, path):
    """Writes the file that the converter and the quantizer make of a model that is not folded."""
    network = convert(model, images.shape[1:])
    if quantization == "int8":
        network = quantize(network, calibrate(network, images))
    path.write_bytes(network)


def files(network, quantization, folder):
    """Paths of a network's files by what they are, those without SE first."""
    images = crops(CALIBRATION_IMAGES, SIZE.value, seed=0)
    int8 = {"quantization": "int8", "calibration_images": images} if quantization == "int8" else {}
    paths = {}
    for name, variant in (("plain", network.replace(se=None)), ("SE", network)):
        model = calibrated(variant, images)
        paths[f"{name}, layer by layer"] = folder / f"{name}.tflite"
        layer_by_layer(model, images, quantization, folder / f"{name}.tflite")
        for width in map(int, WIDTHS.value if getattr(network, "groups", 1) > 1 else ["1"]):
            what = f"{name}, folded" + (f", groups of {width}" if width > 1 else "")
            path = folder / f"{name}-{width}.tflite"
            paths[what] = export.to_tflite(model, path, group_width=width, **int8)
        keras.backend.clear_session()
    return paths


def main(_):
    """Measures every network in every format."""
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/folding.json")
    results = []
    for name in NETWORKS.value:
        for quantization in QUANTIZATIONS.value:
            with tempfile.TemporaryDirectory() as folder:
                variants = files(getattr(keras_senet, name), quantization, pathlib.Path(folder))
                threads = tuple(map(int, THREADS.value))
                rows = export.benchmark(variants, threads, RUNS.value)
            results.append(
                {
                    "network": name,
                    "quantization": quantization,
                    "rows": [dataclasses.asdict(row) for row in rows],
                }
            )
            contenders.write(path, {"size": SIZE.value, "runs": RUNS.value, "results": results})
            for row in rows:
                print(
                    f"{name} {quantization}, {row.name}, {row.threads} threads: "
                    f"{row.median_ms:.2f} ms, {row.ratio:.3f}",
                    flush=True,
                )


if __name__ == "__main__":
    app.run(main)
