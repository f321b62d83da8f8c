"""How far quantized files agree with the Keras model: python benchmarks/agreement.py.

Weights are random, with normalizations calibrated on photographs: the classes lie close together,
and the figures say nothing of trained weights. Writes a JSON file after each network.
"""

import json
import pathlib
import tempfile

import keras
import numpy as np
from absl import app, flags
from sklearn.datasets import load_sample_images

import keras_senet
from keras_senet import export

NETWORKS = flags.DEFINE_list("networks", ["SEResNet50", "SEResNeXt50"], "Of keras_senet.")
SIZE = flags.DEFINE_integer("size", 64, "Height and width of an image.")
IMAGES = flags.DEFINE_integer("images", 48, "Crops of two photographs, as many to calibrate with.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/agreement.json.")


def crops(count, size, seed):
    """Random square crops of two photographs, `(count, size, size, 3)` uint8."""
    rng = np.random.default_rng(seed)
    photographs = load_sample_images().images
    images = []
    for index in range(count):
        photograph = photographs[index % len(photographs)]
        step = int(rng.integers(1, photograph.shape[0] // size + 1))
        top, left = (rng.integers(0, extent - step * size + 1) for extent in photograph.shape[:2])
        images.append(photograph[top::step, left::step][:size, :size])
    return np.stack(images)


def calibrated(network, images):
    """The network with random weights, its normalizations with the statistics of the images."""
    keras.utils.set_random_seed(0)
    model = network(input_shape=images.shape[1:], classes=10)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(images.astype("float32"), training=True)
    return model


def main(_):
    """Exports and verifies every network in every format."""
    path = pathlib.Path(OUTPUT.value or pathlib.Path(__file__).parent / "results/agreement.json")
    known, judged = (crops(IMAGES.value, SIZE.value, seed) for seed in (0, 1))
    rows = []
    for name in NETWORKS.value:
        model = calibrated(getattr(keras_senet, name), known)
        for quantization in export.QUANTIZATIONS:
            needs_images = quantization in ("int8", "int8_full")
            with tempfile.TemporaryDirectory() as folder:
                file = export.to_tflite(
                    model,
                    pathlib.Path(folder) / "network.tflite",
                    quantization=quantization,
                    calibration_images=known if needs_images else None,
                )
                report = export.verify(model, file, judged)
            rows.append(
                {
                    "network": name,
                    "quantization": quantization or "float32",
                    "top1_agreement": report.top1_agreement,
                    "top5_agreement": report.top5_agreement,
                    "largest_difference": report.largest_difference,
                    "bytes": report.bytes,
                    "partitions": report.partitions,
                }
            )
            record = {"size": SIZE.value, "images": IMAGES.value, "rows": rows}
            path.write_text(json.dumps(record, indent=1) + "\n")
            print(rows[-1], flush=True)


if __name__ == "__main__":
    app.run(main)
