"""How far quantized files agree with the Keras model: python benchmarks/agreement.py.

Weights are random, with normalizations calibrated on photographs: the classes lie close together,
and the figures say nothing of trained weights. Writes a JSON file after each network.
"""

import json
import pathlib
import tempfile

import keras
from absl import app, flags
from untrained import calibrated, crops, size_of

import keras_senet
from keras_senet import export

NETWORKS = flags.DEFINE_list("networks", [], "Of keras_senet. Default: all.")
IMAGES = flags.DEFINE_integer("images", 48, "Crops of two photographs, as many to calibrate with.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/agreement.json.")


def public_networks():
    """Names of all architectures."""
    values = {name: getattr(keras_senet, name) for name in keras_senet.__all__}
    return [name for name in values if isinstance(values[name], keras_senet.Architecture)]


def rows(name):
    """What `verify` says of one network in every format."""
    network = getattr(keras_senet, name)
    size = size_of(network)
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
