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

NETWORKS = flags.DEFINE_list("networks", [], "Of keras_senet. Default: all.")
IMAGES = flags.DEFINE_integer("images", 48, "Crops of two photographs, as many to calibrate with.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/agreement.json.")

SMALL, LEAST_INCEPTION = 64, 75  # pixels; Inception-ResNet-v2 takes no smaller images


def public_networks():
    """Names of all architectures."""
    values = {name: getattr(keras_senet, name) for name in keras_senet.__all__}
    return [name for name in values if isinstance(values[name], keras_senet.Architecture)]


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


def rows(name):
    """What `verify` says of one network in every format."""
    network = getattr(keras_senet, name)
    size = network.input_size if network.input_size < SMALL else SMALL
    if isinstance(network, keras_senet.InceptionResNet):
        size = LEAST_INCEPTION
    known, judged = (crops(IMAGES.value, size, seed) for seed in (0, 1))
    model = calibrated(network, known)
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
        yield {
            "network": name,
            "size": size,
            "images": IMAGES.value,
            "quantization": quantization or "float32",
            "top1_agreement": report.top1_agreement,
            "top5_agreement": report.top5_agreement,
            "largest_difference": report.largest_difference,
            "bytes": report.bytes,
            "partitions": report.partitions,
        }


def main(_):
    """Exports and verifies every network in every format; keeps the rows of other networks."""
    path = pathlib.Path(OUTPUT.value or pathlib.Path(__file__).parent / "results/agreement.json")
    known = json.loads(path.read_text()) if path.exists() else []
    for name in NETWORKS.value or public_networks():
        found = list(rows(name))
        known = [row for row in known if row["network"] != name] + found
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(known, indent=1) + "\n")
        temporary.rename(path)
        print(*found, sep="\n", flush=True)
        keras.backend.clear_session()


if __name__ == "__main__":
    app.run(main)
