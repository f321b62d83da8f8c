"""The whole way in one go: train SE-ResNet-20 on digits, export it, verify what was exported."""

import os
import pathlib
import sys

# Before TensorFlow is imported. Without AVX-512 it leaves its fast kernels for CPUs, oneDNN's, off.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

from rich.console import Console
from rich.table import Table

import keras_senet
from keras_senet import mistakes
from keras_senet.training import DIGITS

FOLDER = pathlib.Path("build/demo")
# What a sound build reaches; less fails the demo.
LEAST_ACCURACY = 0.97
LARGEST_DIFFERENCE = 1e-4  # of a probability, float32 TFLite
LEAST_AGREEMENT = {"float32": 1.0, "int8": 0.98}
CALIBRATION_IMAGES = 200
EPOCHS = 10  # of the recipe's 16, which reach half a point more


def export(model, dataset, precision):
    """Writes a TFLite file and compares it with the model on the held-out images."""
    path = FOLDER / f"{precision}.tflite"
    if precision == "int8":
        options = {
            "quantization": "int8",
            "calibration_images": dataset.calibration_images(CALIBRATION_IMAGES),
        }
    else:
        options = {}
    labels = dataset.class_names
    keras_senet.export.to_tflite(model, path, labels=labels, overwrite=True, **options)
    report = keras_senet.export.verify(model, path, *dataset.held_out_arrays())
    report.to_json(path.with_suffix(".json"), overwrite=True)
    return report


def show(result, reports):
    """Prints one row for the model and one for each file."""
    table = Table(
        title="SE-ResNet-20 on handwritten digits",
        caption=f"{reports['float32'].images} held-out images. Latency: one image on this CPU.",
    )
    table.add_column(f"in {FOLDER}/")
    for header in ("accuracy", "agreement", "largest\ndifference", "size", "latency"):
        table.add_column(header, justify="right")
    size = (result.workdir / "model.keras").stat().st_size / 1e6
    table.add_row("model.keras", f"{result.accuracy:.2%}", "", "", f"{size:.2f} MB", "")
    for report in reports.values():
        table.add_row(
            pathlib.Path(report.path).name,
            f"{report.accuracy:.2%}",
            f"{report.top1_agreement:.2%}",
            f"{report.largest_difference:.1e}",
            f"{report.bytes / 1e6:.2f} MB",
            f"{report.latency_ms:.2f} ms",
        )
    console = Console()
    console.print()
    console.print(table)
    console.print(f"Trained in {result.seconds:.0f} s; see also curves.png and the .json reports.")


def shortfalls(result, reports):
    """Whatever missed its target, in words."""
    if result.accuracy < LEAST_ACCURACY:
        yield f"held-out accuracy is {result.accuracy:.2%}, less than {LEAST_ACCURACY:.0%}"
    difference = reports["float32"].largest_difference
    if not difference <= LARGEST_DIFFERENCE:  # also when it is NaN
        yield f"float32 TFLite differs by {difference:.1e}, more than {LARGEST_DIFFERENCE:.0e}"
    for precision, least in LEAST_AGREEMENT.items():
        agreement = reports[precision].top1_agreement
        if agreement < least:
            yield f"{precision} TFLite agrees on {agreement:.2%}, less than {least:.0%}"


def main():
    """Trains, exports, verifies and prints one table; exits with 1 if a target is missed."""
    dataset = keras_senet.data.load("digits")
    result = keras_senet.training.train(
        keras_senet.SEResNet20, dataset, DIGITS.replace(epochs=EPOCHS), FOLDER, resume="never"
    )
    reports = {name: export(result.model, dataset, name) for name in LEAST_AGREEMENT}
    show(result, reports)
    missed = list(shortfalls(result, reports))
    for shortfall in missed:
        print(f"Missed: {shortfall}.", file=sys.stderr)
    sys.exit(bool(missed))


if __name__ == "__main__":
    with mistakes.said():
        main()
