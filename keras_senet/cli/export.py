"""Exports a model: keras-senet export --model=model.keras --output=model.tflite.

The output's name says the format: .tflite, .onnx, or a folder for a SavedModel. --format=web writes
a folder that is a page: any static server delivers it, and a browser classifies pictures with it.
The report of the verification is written beside the output, model.tflite.json. Exits with 1 if the
artefact misses a threshold.
"""

import os
import pathlib
import sys
from collections.abc import Sequence

from absl import flags

from keras_senet import export, mistakes
from keras_senet.cli import program
from keras_senet.data.image_files import listed
from keras_senet.export.tflite.metadata import stated_labels
from keras_senet.weights.named_classes import class_names

FORMATS = ("tflite", "saved_model", "onnx", "web")
OF_TFLITE = ("tflite", "web")  # a page has a .tflite file
# Smallest top-1 agreement and largest difference of an output, unless given.
THRESHOLDS = {
    "none": (1.0, 1e-4),
    "float16": (0.99, 1e-2),
    "dynamic": (0.98, None),
    "int8": (0.98, None),
    "int8_full": (0.98, None),
}
TFLITE_ONLY = (
    "quantization",
    "calibration",
    "calibration_images",
    "labels",
    "group_width",
    "fallback",
    "one_partition",
)


def run(arguments: Sequence[str]) -> None:
    """The command, on its command line without the program's name."""
    program.run(_main, _define(), arguments, __doc__)


def _define():
    values = program.flag_values()
    add = program.adder(values)
    add(
        flags.DEFINE_string,
        "model",
        None,
        "A .keras file, or a weight set.",
        required=True,
    )
    add(flags.DEFINE_string, "output", None, "The file or folder to write.", required=True)
    add(flags.DEFINE_enum, "format", None, FORMATS, "Default: as the output's name says.")
    add(flags.DEFINE_bool, "overwrite", False, "Replace the files that are there.")
    add(flags.DEFINE_integer, "image_size", None, "Pixels, if the model takes any size.")
    flags.DEFINE_alias("input_size", "image_size", flag_values=values)
    add(
        flags.DEFINE_string,
        "verification",
        None,
        "Held-out images: digits, folder:PATH, csv:PATH or FILE.npz (images, labels). Default: "
        "those of --calibration, if it is a data set, else digits.",
    )
    add(flags.DEFINE_integer, "verification_images", 500, "How many at most, evenly spaced.")
    add(flags.DEFINE_float, "min_agreement", None, "Smallest top-1 agreement, 0 to 1.")
    add(flags.DEFINE_float, "max_difference", None, "Largest difference of an output.")
    add(
        flags.DEFINE_enum, "quantization", "none", sorted(THRESHOLDS), "TFLite, web: number format."
    )
    add(
        flags.DEFINE_string,
        "calibration",
        None,
        "TFLite, web: images for int8: digits, folder:PATH, csv:PATH (training split) or FILE.npz.",
    )
    add(flags.DEFINE_integer, "calibration_images", 200, "TFLite, web: how many at most.")
    add(
        flags.DEFINE_string,
        "labels",
        None,
        "TFLite, web: text file with the name of a class in each line. Default: the model's names.",
    )
    add(flags.DEFINE_integer, "group_width", 16, "TFLite, web: least input channels of each group.")
    add(
        flags.DEFINE_bool,
        "fallback",
        False,
        "TFLite, web: leave the most sensitive blocks in float32 until --min_agreement is met.",
    )
    add(
        flags.DEFINE_string,
        "runtime",
        None,
        "Web: folder with the archives of LiteRT.js that npm pack writes; else they are fetched.",
    )
    add(
        flags.DEFINE_bool, "one_partition", False, "TFLite, web: fail unless XNNPACK runs it whole."
    )
    return values


def _main(values, others):
    """Exports, verifies, says how the artefact compares."""
    program.none_left(others)
    kind = _format(values)
    calibrated = values.quantization.startswith("int8")
    if calibrated != (values.calibration is not None):
        raise ValueError(
            "--calibration belongs to --quantization=int8 (or int8_full), which needs it."
        )
    report_path = f"{values.output.rstrip(os.sep)}.json"
    if os.path.lexists(report_path) and not values.overwrite:
        raise ValueError(f"{report_path} exists already. Pass --overwrite to replace it.")
    model = mistakes.load_model(values.model)
    size = values.image_size or model.inputs[0].shape[1]
    if size is None:
        raise ValueError("The model takes images of any size: choose one with --image_size.")
    # Sources are read before anything is written: a wrong one leaves nothing behind.
    source = values.verification or _held_out_source(values)
    images, labels = export.load_verification(
        source, model=model, image_size=size, count=values.verification_images
    )
    if values.verification is None:
        print(f"Verified on held-out images of {source}, as --verification names no others.")
        labels = None if class_names(model) is None else labels  # nobody said that they fit
    if kind in OF_TFLITE:
        path = _with_tflite(values, kind, model, size)
    else:
        write = export.to_onnx if kind == "onnx" else export.to_saved_model
        path = write(model, values.output, overwrite=values.overwrite)
    verified = path / "model.tflite" if kind == "web" else path
    if kind in OF_TFLITE and (names := stated_labels(verified)):
        print(f"Labels in the file: {listed(names)}.")
    report = export.verify(model, verified, images, labels)
    report.to_json(report_path, overwrite=values.overwrite)
    print(report)
    thresholds = _thresholds(values)
    if values.min_agreement is None and not report.names_classes and thresholds["max_difference"]:
        thresholds["min_agreement"] = None  # the difference alone can judge
    failures = report.failures(**thresholds, one_partition=values.one_partition)
    if failures:
        sys.exit(f"{path} misses its thresholds: {'; '.join(failures)}")


def _held_out_source(values):
    """The data set to verify on where none is named: that of calibration, else digits."""
    calibration = values.calibration
    return "digits" if calibration is None or calibration.endswith(".npz") else calibration


def _format(values):
    """The format, after a look at whether the flags belong to it."""
    suffix = pathlib.PurePath(values.output).suffix.lower()
    named = {".tflite": "tflite", ".onnx": "onnx"}.get(suffix, "saved_model")
    kind = values.format or named
    foreign = () if kind in OF_TFLITE else TFLITE_ONLY
    foreign = foreign if kind == "web" else (*foreign, "runtime")
    given = [f"--{name}" for name in foreign if values[name].present]
    if given:
        raise ValueError(
            f"{given[0]} does not belong to the format {kind} of --output={values.output}. Leave "
            "it out, or choose another format: OUTPUT.tflite, OUTPUT.onnx, a folder, --format=web."
        )
    return kind


def _with_tflite(values, kind, model, size):
    """Writes a .tflite file, or a page with one."""
    images = None
    if values.calibration is not None:
        images = export.load_calibration(
            values.calibration, model=model, image_size=size, count=values.calibration_images
        )
    write, besides = export.to_tflite, {}
    if kind == "web":
        write, besides = export.to_web, {"runtime": values.runtime}
    return write(
        model,
        values.output,
        quantization=None if values.quantization == "none" else values.quantization,
        calibration_images=images,
        min_agreement=_thresholds(values)["min_agreement"] if values.fallback else None,
        labels=None if values.labels is None else _read_labels(values.labels),
        input_size=values.image_size,
        group_width=values.group_width,
        overwrite=values.overwrite,
        **besides,
    )


def _thresholds(values):
    agreement, difference = THRESHOLDS[values.quantization]
    if values.min_agreement is not None:
        agreement = values.min_agreement
    if values.max_difference is not None:
        difference = values.max_difference
    return {"min_agreement": agreement, "max_difference": difference}


def _read_labels(path):
    try:
        return pathlib.Path(path).read_text(encoding="utf-8-sig").splitlines()  # Windows' mark
    except OSError as error:
        raise ValueError(f"--labels: cannot read {path} ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"--labels: {path} is not UTF-8 (byte {error.start}).") from error
