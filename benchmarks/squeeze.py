"""What squeezes in stages take in LiteRT, beside one sum: python benchmarks/squeeze.py.

Exports each network twice, as `to_tflite` does and with one sum for each squeeze and for the global
average pooling, and times both files in turns on one thread. Prints the ratios, and writes a JSON
file. See README.md beside this.
"""

import contextlib
import pathlib
import sys
import tempfile

import contenders
import keras
from absl import app, flags
from contenders import FOLDER
from untrained import calibrated, crops

import keras_senet
from keras_senet import export
from keras_senet.layers import GlobalAveragePooling2D

NETWORKS = flags.DEFINE_list(
    "networks",
    ["SEResNet50", "MobileNetV3Large", "RegNetY002", "SEMobileNet", "SEShuffleNet"],
    "Of keras_senet.",
)
RUNS = flags.DEFINE_integer("runs", 41, "Rounds, in each of which both files run once.")
SIZE = flags.DEFINE_integer("size", 224, "Height and width of an image.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/squeeze.json.")

CALIBRATION_IMAGES = 4  # Latency does not depend on the ranges.


@contextlib.contextmanager
def one_sum():
    """Within, every average over an image is one sum."""
    stages = sys.modules[GlobalAveragePooling2D.__module__]
    longest, stages.LONGEST_SUM = stages.LONGEST_SUM, sys.maxsize
    try:
        yield
    finally:
        stages.LONGEST_SUM = longest


def main(_):
    """Measures every network in float32 and int8."""
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/squeeze.json")
    ways = {"one sum": one_sum, "in stages": contextlib.nullcontext}
    results = []
    for name in NETWORKS.value:
        images = crops(CALIBRATION_IMAGES, SIZE.value, seed=0)
        model = calibrated(getattr(keras_senet, name), images)
        for quantization in (None, "int8"):
            known = images if quantization else None
            with tempfile.TemporaryDirectory() as folder:
                files = {}
                for way, form in ways.items():
                    with form():
                        files[way] = export.to_tflite(
                            model,
                            pathlib.Path(folder) / f"{way}.tflite",
                            quantization=quantization,
                            calibration_images=known,
                        )
                _, staged = export.benchmark(files, (1,), RUNS.value)
            row = {"network": name, "format": quantization or "float32", "ratio": staged.ratio}
            results.append({**row, "median_ms": staged.median_ms})
            print(*row.values())
            contenders.write(path, {"size": SIZE.value, "runs": RUNS.value, "results": results})
        keras.backend.clear_session()


if __name__ == "__main__":
    app.run(main)
