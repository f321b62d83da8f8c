"""Accuracy on the 10,000 test photographs of CIFAR-10: of runs, and of the packaged networks.

    python benchmarks/cifar10.py --data=folder:cifar10 RUN...

RUN is the folder of a finished run of `keras-senet train`; its accuracy after the last epoch
counts, not that of its best. The networks that come with the package are judged in Keras and in
every TFLite format, on every photograph once, whole. Writes a JSON file.
"""

import json
import pathlib
import statistics
import tempfile

import contenders
from absl import app, flags
from contenders import FOLDER

import keras_senet
from keras_senet import export
from keras_senet.weights.records.packaged import PACKAGED_RECORDS

DATA = flags.DEFINE_string("data", "folder:cifar10", "The photographs: train/ and test/.")
CALIBRATION = flags.DEFINE_integer("calibration_images", 500, "Training photographs for int8.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/cifar10.json.")


def of_run(folder):
    """What a run's summary says."""
    summary = json.loads((pathlib.Path(folder) / "summary.json").read_text())
    names = ("model", "seed", "held_out_accuracy", "held_out_images", "seconds", "precision")
    recipe = summary["recipe"]
    return {
        **{name: summary[name] for name in names},
        "recipe": recipe["name"],
        "epochs": recipe["epochs"],
    }


def of_formats(record, dataset):
    """Accuracy, size and latency of a packaged network in every format."""
    model = getattr(keras_senet, record.network)(weights=record.name)
    dataset = dataset.seen_by(model)
    images, labels = dataset.held_out_arrays()
    known = dataset.calibration_images(CALIBRATION.value)
    for quantization in export.QUANTIZATIONS:
        calibrated = quantization in ("int8", "int8_full")
        with tempfile.TemporaryDirectory() as folder:
            file = export.to_tflite(
                model,
                pathlib.Path(folder) / "network.tflite",
                quantization=quantization,
                calibration_images=known if calibrated else None,
                labels=dataset.class_names,
            )
            report = export.verify(model, file, images, labels)
        yield {
            "weights": record.name,
            "format": quantization or "float32",
            "images": report.images,
            "accuracy": report.accuracy,
            "model_accuracy": report.model_accuracy,
            "agreement": report.top1_agreement,
            "largest_difference": report.largest_difference,
            "bytes": report.bytes,
            "latency_ms": report.latency_ms,
            "partitions": report.partitions,
        }


def main(arguments):
    """Reads the runs, judges the packaged networks, writes."""
    dataset = keras_senet.data.load(DATA.value, image_size=32)
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/cifar10.json")
    runs = [of_run(folder) for folder in arguments[1:]]
    if not runs and path.exists():
        runs = json.loads(path.read_text())["runs"]
    for name in dict.fromkeys(run["model"] for run in runs):
        values = [100 * run["held_out_accuracy"] for run in runs if run["model"] == name]
        spread = f" +- {statistics.stdev(values):.2f}" if len(values) > 1 else ""
        seeds = ", ".join(f"{value:.2f}" for value in values)
        print(f"{name}: {statistics.mean(values):.2f}{spread} % ({seeds})")
    formats = []
    for record in PACKAGED_RECORDS:
        for row in of_formats(record, dataset):
            print(
                f"{row['weights']:34} {row['format']:10} {row['accuracy']:.2%} "
                f"(Keras {row['model_accuracy']:.2%}) {row['bytes'] / 1e6:.2f} MB "
                f"{row['latency_ms']:.2f} ms",
                flush=True,
            )
            formats.append(row)
    contenders.write(path, {"runs": runs, "formats": formats})


if __name__ == "__main__":
    app.run(main)
