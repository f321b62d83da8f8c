"""Faulty calls say what to do and leave no partial file."""

import errno
import pathlib

import keras
import numpy as np
import pytest

from keras_senet import export
from keras_senet.mistakes import load_model

IMAGES = np.zeros((2, 8, 8, 3), "uint8")


@pytest.fixture(scope="module")
def model():
    x = keras.Input((8, 8, 3))
    y = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(x))
    return keras.Model(x, keras.layers.Dense(2, "softmax")(y))


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


INT8 = {"quantization": "int8", "calibration_images": IMAGES}
FAULTY = {
    "unknown quantization": ({"quantization": "int4"}, ValueError, "'int4'"),
    "no calibration": ({"quantization": "int8"}, ValueError, "`calibration_images`"),
    "no calibration, uint8": ({"quantization": "int8_full"}, ValueError, "`calibration_images`"),
    "needless calibration": ({"calibration_images": IMAGES}, ValueError, "Leave them out"),
    "calibration of another size": (
        {**INT8, "calibration_images": IMAGES[:, :4]},
        ValueError,
        r"\(2, 4, 8, 3\)",
    ),
    "one image": ({**INT8, "calibration_images": IMAGES[0]}, ValueError, r"\(8, 8, 3\)"),
    "no images": ({**INT8, "calibration_images": IMAGES[:0]}, ValueError, "at least one"),
    "agreement without int8": ({"min_agreement": 0.9}, ValueError, "`min_agreement` is for"),
    "agreement in percent": ({**INT8, "min_agreement": 99}, ValueError, r"share in 0\.\.1"),
    "too few labels": ({"labels": ["a"]}, ValueError, "1 labels"),
    "labels of two lines": ({"labels": ["a\nb", "c"]}, ValueError, "one line"),
    "labels of two lines of Unicode": ({"labels": ["a\u2028b", "c"]}, ValueError, "one line"),
    "labels with a carriage return": ({"labels": ["a\rb", "c"]}, ValueError, "one line"),
    "labels that are numbers": ({"labels": [0, 1]}, ValueError, "one line"),
    "another size": ({"input_size": 16}, ValueError, "8x8"),
    "no groups": ({"group_width": 0}, ValueError, "group_width"),
    "half a group": ({"group_width": 0.5}, ValueError, "group_width"),
}


@pytest.mark.parametrize("case", FAULTY)
def test_arguments(model, case, tmp_path):
    arguments, error, message = FAULTY[case]
    with pytest.raises(error, match=message):
        export.to_tflite(model, tmp_path / "m.tflite", **arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("to", [export.to_tflite, export.to_saved_model])
def test_models_and_places(model, to, tmp_path):
    path = tmp_path / "artefact"
    with pytest.raises(TypeError, match="Keras model"):
        to("model.keras", path)
    with pytest.raises(ValueError, match="functional"):
        to(Subclassed(), path)
    with pytest.raises(FileNotFoundError, match="Create it first"):
        to(model, tmp_path / "none" / "artefact")
    with pytest.raises(PermissionError, match="Cannot write"):
        to(model, "/proc/artefact")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_models_that_keras_quantized(model, mode, tmp_path):
    model = keras.models.clone_model(model)
    model.quantize(mode, filters="dense")
    with pytest.raises(ValueError, match=f"'dense.*' of .* was quantized by Keras .{mode}"):
        export.to_tflite(model, tmp_path / "m.tflite")
    with pytest.raises(ValueError, match="was quantized by Keras"):
        export.quantization_aware(model, IMAGES)
    assert list(tmp_path.iterdir()) == []


def test_a_keras_file_that_is_none(tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"model\.keras is no \.keras file, or a part of one"):
        load_model(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"files": {}}, "a dictionary"),
        ({"files": ["a.tflite"]}, "a dictionary"),
        ({"files": "a.tflite"}, "a dictionary"),
        ({"threads": 2}, "numbers of threads"),
        ({"threads": ()}, "numbers of threads"),
        ({"threads": (1, 0)}, "above 0"),
        ({"threads": (1.5,)}, "whole numbers"),
        ({"threads": "12"}, "whole numbers"),
        ({"runs": 0}, "above 0"),
        ({"runs": "3"}, "above 0"),
    ],
)
def test_benchmark(arguments, message):
    with pytest.raises(ValueError, match=message):
        export.benchmark(**{"files": {"a": "a.tflite"}, **arguments})


def test_full_disk(model, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pathlib.Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        export.to_tflite(model, tmp_path / "m.tflite")
    assert list(tmp_path.iterdir()) == []
