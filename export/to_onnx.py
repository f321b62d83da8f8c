"""Exports to ONNX: python export/to_onnx.py --model=model.keras --output=model.onnx."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

from absl import flags

from keras_senet import export, mistakes

_MODEL = flags.DEFINE_string("model", None, "The .keras file.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "The .onnx file to write.", required=True)
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace the file that is there.")
_DEBUG = flags.DEFINE_bool("debug", False, "Show where in the code an error was found.")


def main(argv):
    """Reads the flags and exports."""
    if len(argv) > 1:
        raise ValueError(f"Unexpected arguments: {argv[1:]}")
    model = mistakes.load_model(_MODEL.value)
    print(export.to_onnx(model, _OUTPUT.value, overwrite=_OVERWRITE.value))


if __name__ == "__main__":
    mistakes.run(main)
