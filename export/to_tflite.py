"""Exports to TFLite: python export/to_tflite.py --model=model.keras --output=model.tflite.

Writes the report of the verification beside it, model.tflite.json. Exits with 1 if the artefact
misses a threshold.
"""

import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

from absl import flags

from keras_senet import export, mistakes

# Smallest top-1 agreement and largest difference of an output, unless given.
THRESHOLDS = {
    "none": (1.0, 1e-4),
    "float16": (0.99, 1e-2),
    "dynamic": (0.98, None),
    "int8": (0.98, None),
    "int8_full": (0.98, None),
}

_MODEL = flags.DEFINE_string("model", None, "The .keras file.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "The .tflite file to write.", required=True)
_QUANTIZATION = flags.DEFINE_enum("quantization", "none", sorted(THRESHOLDS), "Number format.")
_CALIBRATION = flags.DEFINE_string(
    "calibration",
    None,
    "Images for int8: digits, folder:PATH, csv:PATH (training split) or FILE.npz.",
)
_CALIBRATION_IMAGES = flags.DEFINE_integer("calibration_images", 200, "How many at most.")
_VERIFICATION = flags.DEFINE_string(
    "verification",
    "digits",
    "Held-out images: digits, folder:PATH, csv:PATH or FILE.npz (images, labels).",
)
_VERIFICATION_IMAGES = flags.DEFINE_integer("verification_images", 500, "How many at most.")
_INPUT_SIZE = flags.DEFINE_integer("input_size", None, "Pixels, if the model takes any size.")
_LABELS = flags.DEFINE_string("labels", None, "Text file with the name of a class in each line.")
_GROUP_WIDTH = flags.DEFINE_integer("group_width", 16, "Least input channels of each group.")
_FALLBACK = flags.DEFINE_bool(
    "fallback", False, "Leave the most sensitive blocks in float32 until --min_agreement is met."
)
_ONE_PARTITION = flags.DEFINE_bool("one_partition", False, "Fail unless XNNPACK runs it whole.")
_MIN_AGREEMENT = flags.DEFINE_float("min_agreement", None, "Smallest top-1 agreement, 0 to 1.")
_MAX_DIFFERENCE = flags.DEFINE_float("max_difference", None, "Largest difference of an output.")
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace the files that are there.")
_DEBUG = flags.DEFINE_bool("debug", False, "Show where in the code an error was found.")


def _check_report_path(path):
    if os.path.lexists(path) and not _OVERWRITE.value:
        raise ValueError(f"{path} exists already. Pass --overwrite to replace it.")


def _thresholds():
    agreement, difference = THRESHOLDS[_QUANTIZATION.value]
    if _MIN_AGREEMENT.value is not None:
        agreement = _MIN_AGREEMENT.value
    if _MAX_DIFFERENCE.value is not None:
        difference = _MAX_DIFFERENCE.value
    return {"min_agreement": agreement, "max_difference": difference}


def _read_labels(path):
    try:
        return pathlib.Path(path).read_text().splitlines()
    except OSError as error:
        raise ValueError(f"--labels: cannot read {path} ({error.strerror}).") from error


def main(argv):
    """Reads the flags, exports, verifies, says how the artefact compares."""
    if len(argv) > 1:
        raise ValueError(f"Unexpected arguments: {argv[1:]}")
    calibrated = _QUANTIZATION.value.startswith("int8")
    if calibrated != (_CALIBRATION.value is not None):
        raise ValueError(
            "--calibration belongs to --quantization=int8 (or int8_full), which needs it."
        )
    report_path = f"{_OUTPUT.value}.json"
    _check_report_path(report_path)
    model = mistakes.load_model(_MODEL.value)
    size = _INPUT_SIZE.value or model.inputs[0].shape[1]
    if size is None:
        raise ValueError("The model takes images of any size: choose one with --input_size.")
    # Sources are read before anything is written: a wrong one leaves nothing behind.
    images, labels = export.load_verification(
        _VERIFICATION.value, model=model, image_size=size, count=_VERIFICATION_IMAGES.value
    )
    calibration_images = None
    if _CALIBRATION.value is not None:
        calibration_images = export.load_calibration(
            _CALIBRATION.value, model=model, image_size=size, count=_CALIBRATION_IMAGES.value
        )
    path = export.to_tflite(
        model,
        _OUTPUT.value,
        quantization=None if _QUANTIZATION.value == "none" else _QUANTIZATION.value,
        calibration_images=calibration_images,
        min_agreement=_thresholds()["min_agreement"] if _FALLBACK.value else None,
        labels=None if _LABELS.value is None else _read_labels(_LABELS.value),
        input_size=_INPUT_SIZE.value,
        group_width=_GROUP_WIDTH.value,
        overwrite=_OVERWRITE.value,
    )
    report = export.verify(model, path, images, labels)
    report.to_json(report_path, overwrite=_OVERWRITE.value)
    print(report)
    failures = report.failures(**_thresholds(), one_partition=_ONE_PARTITION.value)
    if failures:
        sys.exit(f"{path} misses its thresholds: {'; '.join(failures)}")


if __name__ == "__main__":
    mistakes.run(main)
