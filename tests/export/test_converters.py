"""benchmarks/converters.py: every contender sees the same images, and is judged alike."""

import dataclasses
import importlib.util
import sys

import keras
import numpy as np
import pytest
from conversions import phone_entries, server_entries
from judging import Entry, Exam, classified, compared, judged, split

import keras_senet

PEERS = [
    name for name in ("tf2onnx", "onnxruntime", "openvino") if not importlib.util.find_spec(name)
]
FORMATS = {
    "keras_senet": ["float32", "float16", "dynamic", "int8", "int8_full"],
    "TensorFlow": ["float32", "float16", "dynamic", "int8", "int8_full"],
    "litert-quantizer": ["weights", "dynamic", "int8_full"],
}


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    """A tiny network, digits, and what it says of them."""
    keras.utils.set_random_seed(0)
    model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))(input_shape=(32, 32, 3), classes=4)
    digits = keras_senet.data.load("digits")
    images, _ = digits.held_out_arrays(24)
    for _ in range(3):  # moving statistics of digits
        for layer in model.layers:
            layer.momentum = 0.5
        model(images.astype("float32"), training=True)
    folder = tmp_path_factory.mktemp("files")
    path = folder / "images.npy"
    np.save(path, images)
    np.save(folder / "known.npy", digits.calibration_images(24))
    labels = np.arange(len(images)) % 4
    return model, Exam(images, path, labels, model.predict(images, verbose=0)), folder


def rows(entries, exam, folder):
    return {(entry.contender, entry.format): judged(entry, exam, folder) for entry in entries}


@pytest.mark.slow
def test_files_for_phones_are_judged_on_the_images_of_the_model(setting):
    model, exam, folder = setting
    assert np.ptp(exam.expected, axis=0).min() > 1e-3  # images differ, so that another one is seen
    found = rows(phone_entries(model, np.load(folder / "known.npy"), folder), exam, folder)
    assert list(found) == [(who, name) for who, names in FORMATS.items() for name in names]
    for (who, name), row in found.items():
        assert "refusal" not in row, (who, name, row)
        limit = {"float32": 1e-5, "float16": 0.01}.get(name, 0.3)
        assert row["largest_difference"] < limit, (who, name)
    for name in FORMATS["keras_senet"]:
        assert found["keras_senet", name]["partitions"] == 1
        assert found["keras_senet", name]["outside"] == {}


@pytest.mark.slow
@pytest.mark.skipif(bool(PEERS), reason=f"needs pip install {' '.join(PEERS)}")
def test_files_for_servers_are_judged_on_the_images_of_the_model(setting):
    model, exam, folder = setting
    entries, versions = server_entries(model, folder / "known.npy", folder, sys.executable)
    found = rows(entries, exam, folder)
    assert {"onnxruntime", "openvino"} <= versions.keys()
    for contender in ("ONNX Runtime", "OpenVINO"):
        assert found[contender, "float32"]["largest_difference"] < 1e-5
        assert sum(found[contender, "float32"]["executed"].values()) > 5
    assert found["ONNX Runtime", "int8"]["largest_difference"] < 0.3
    assert found["OpenVINO", "bf16"]["precision"] in ("bf16", "f32")


@pytest.mark.slow
def test_a_file_that_does_not_load_is_a_row_with_its_reason(setting):
    _, exam, folder = setting
    path = folder / "broken.tflite"
    path.write_bytes(b"not a file of LiteRT")
    entry = Entry("nobody", "int8", path, "LiteRT", "xnnpack", sys.executable)
    row = judged(entry, exam, folder)
    assert row["loads"] is False
    assert "accuracy" not in row
    assert "flatbuffer" in row["refusal"].lower()


@pytest.mark.slow
def test_other_images_are_not_judged(setting, tmp_path):
    model, exam, folder = setting
    path = keras_senet.export.to_tflite(model, folder / "network.tflite")
    entry = Entry("keras_senet", "float32", path, "LiteRT", "xnnpack", sys.executable)
    received, _ = classified(entry, exam, folder)
    np.testing.assert_allclose(received, exam.expected, atol=1e-5)
    other = dataclasses.replace(exam, path=tmp_path / "other.npy")
    np.save(other.path, exam.images[::-1])
    with pytest.raises(RuntimeError, match="read other images"):
        classified(entry, other, folder)


def test_operators_outside_are_counted_one_by_one():
    """A piece, two softmaxes of TFLite's own kernels, and another piece."""
    nodes = [
        ("CONV_2D", [0, 9], [1]),
        ("SOFTMAX", [1], [2]),
        ("SOFTMAX", [2], [3]),
        ("CONV_2D", [3, 8], [4]),
        ("DELEGATE", [0, 9], [1]),
        ("DELEGATE", [3, 8], [4]),
    ]
    names = ("op_name", "inputs", "outputs")
    nodes = [{"index": n, **dict(zip(names, x, strict=True))} for n, x in enumerate(nodes)]
    assert split(nodes, [4]) == {"partitions": 2, "outside": {"SOFTMAX": 2}}


def test_what_the_judge_says():
    expected = np.array([[0.75, 0.25], [0.5, 0.5], [0.25, 0.75]])
    received = np.array([[0.5, 0.5], [0.25, 0.75], [0.25, 0.75]])
    exam = Exam(None, None, np.array([0, 0, 1]), expected)
    assert compared(received, exam) == {
        "accuracy": pytest.approx(2 / 3),
        "agreement": pytest.approx(2 / 3),
        "largest_difference": 0.25,
    }
    with pytest.raises(ValueError, match="finite"):
        compared(received * np.nan, exam)
