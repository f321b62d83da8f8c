"""Exports to SavedModel: python export/to_saved_model.py --model=model.keras --output=served.

Writes the report of the verification beside it, served.json. Exits with 1 if the artefact misses
a threshold.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

from absl import flags

from keras_senet import export, mistakes

_MODEL = flags.DEFINE_string("model", None, "The .keras file.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "The folder to write.", required=True)
_VERIFICATION = flags.DEFINE_string(
    "verification",
    "digits",
    "Held-out images: digits, folder:PATH, csv:PATH or FILE.npz (images, labels).",
)
_VERIFICATION_IMAGES = flags.DEFINE_integer("verification_images", 500, "How many at most.")
_IMAGE_SIZE = flags.DEFINE_integer("image_size", None, "Pixels, if the model takes any size.")
_MIN_AGREEMENT = flags.DEFINE_float("min_agreement", 1.0, "Smallest top-1 agreement, 0 to 1.")
_MAX_DIFFERENCE = flags.DEFINE_float("max_difference", 1e-4, "Largest difference of an output.")
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace the files that are there.")
_DEBUG = flags.DEFINE_bool("debug", False, "Show where in the code an error was found.")


def main(argv):
    """Reads the flags, exports, verifies, says how the artefact compares."""
    if len(argv) > 1:
        raise ValueError(f"Unexpected arguments: {argv[1:]}")
    report_path = f"{_OUTPUT.value.rstrip(os.sep)}.json"
    if os.path.lexists(report_path) and not _OVERWRITE.value:
        raise ValueError(f"{report_path} exists already. Pass --overwrite to replace it.")
    model = mistakes.load_model(_MODEL.value)
    size = _IMAGE_SIZE.value or model.inputs[0].shape[1]
    if size is None:
        raise ValueError("The model takes images of any size: choose one with --image_size.")
    images, labels = export.load_verification(
        _VERIFICATION.value, model=model, image_size=size, count=_VERIFICATION_IMAGES.value
    )
    path = export.to_saved_model(model, _OUTPUT.value, overwrite=_OVERWRITE.value)
    report = export.verify(model, path, images, labels)
    report.to_json(report_path, overwrite=_OVERWRITE.value)
    print(report)
    failures = report.failures(
        min_agreement=_MIN_AGREEMENT.value, max_difference=_MAX_DIFFERENCE.value
    )
    if failures:
        sys.exit(f"{path} misses its thresholds: {'; '.join(failures)}")


if __name__ == "__main__":
    mistakes.run(main)
