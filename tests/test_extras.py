"""Packages that are missing are named with the command that installs them, before any work."""

import importlib.util

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet import extras

SMALL = keras_senet.SEResNet20.replace(depths=(1, 1, 1))


@pytest.fixture
def without(monkeypatch):
    """Function of names: their packages seem not to be installed."""
    real = importlib.util.find_spec

    def hide(*names):
        def find_spec(name, *others):
            return None if name.partition(".")[0] in names else real(name, *others)

        monkeypatch.setattr(importlib.util, "find_spec", find_spec)

    return hide


def test_what_the_message_says(without):
    with pytest.raises(ImportError, match=r"^Eating needs spam: pip install 'keras-senet\[x\]'$"):
        extras.needed("spam.eggs", "x", "Eating")
    without("sklearn")
    with pytest.raises(ImportError, match=r"digits needs scikit-learn: .*data"):
        keras_senet.data.load("digits")


def test_files_of_weights(without, tmp_path):
    without("h5py")
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(ImportError, match=r"a.h5 needs h5py: .*\[weights\]"):
        SMALL(weights=tmp_path / "a.h5")


def test_training_says_so_before_its_first_step(without, tmp_path):
    dataset = keras_senet.data.load("digits", image_size=16)
    for package in ("filelock", "matplotlib", "rich"):
        without(package)
        with pytest.raises(ImportError, match=rf"Training needs {package}: .*\[train\]"):
            keras_senet.training.train(
                SMALL, dataset, keras_senet.training.DIGITS, tmp_path / "run"
            )
    assert not (tmp_path / "run").exists()


def test_exports(without, tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("export runs on TensorFlow")
    model = SMALL()
    images = np.random.default_rng(0).integers(0, 256, (100, 32, 32, 3), "uint8")
    without("ai_edge_litert", "litert_quantizer", "tf2onnx")
    with pytest.raises(ImportError, match=r"needs ai-edge-litert: .*\[export\]"):
        keras_senet.export.to_tflite(model, tmp_path / "m.tflite")
    with pytest.raises(ImportError, match=r"needs tf2onnx: .*\[onnx\]|onnxruntime"):
        keras_senet.export.to_onnx(model, tmp_path / "m.onnx")
    with pytest.raises(ImportError, match=r"needs ai-edge-litert: .*\[export\]"):
        keras_senet.analysis.cost(tmp_path / "m.tflite")
    (tmp_path / "m.tflite").write_bytes(b"0000TFL3")
    with pytest.raises(ImportError, match=r"needs ai-edge-litert: .*\[export\]"):
        keras_senet.export.verify(model, tmp_path / "m.tflite", images)
    without("litert_quantizer")
    with pytest.raises(ImportError, match=r"needs litert-quantizer: .*\[export\]"):
        keras_senet.export.to_tflite(
            model, tmp_path / "m2.tflite", quantization="int8", calibration_images=images
        )
    assert not (tmp_path / "m2.tflite").exists()


def test_figures_and_pictures(without, tmp_path):
    without("matplotlib", "PIL")
    from keras_senet import figures

    with pytest.raises(ImportError, match=r"needs matplotlib: .*\[analysis\]"):
        figures.empty_figure(1, 1)
    with pytest.raises(ImportError, match=r"needs pillow: .*\[data\]"):
        keras_senet.data.read_rgb(tmp_path / "a.jpg")
