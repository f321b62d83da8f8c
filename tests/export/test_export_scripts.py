"""The scripts, run as a user runs them."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_senet

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with model.keras and images.npz."""
    keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("scripts")
    keras_senet.SEResNet20.replace(depths=(1, 1, 1))().save(folder / "model.keras")
    images = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), "uint8")
    np.savez(folder / "images.npz", images=images, labels=np.arange(12) % 10)
    return folder


def run(folder, script, *flags):
    return subprocess.run(
        [sys.executable, ROOT / "export" / script, "--model=model.keras", *flags],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.slow
def test_tflite_with_report(folder):
    flags = (
        "--output=m.tflite",
        "--quantization=int8",
        "--calibration=images.npz",
        "--verification=images.npz",
        "--min_agreement=0",
    )
    done = run(folder, "to_tflite.py", *flags)
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "m.tflite.json").read_text())
    assert report["images"] == 12
    assert report["bytes"] == (folder / "m.tflite").stat().st_size
    again = run(folder, "to_tflite.py", *flags)
    assert again.returncode != 0
    assert "--overwrite" in again.stdout + again.stderr


@pytest.mark.slow
def test_missed_threshold_exits_with_1_and_keeps_the_report(folder):
    done = run(
        folder,
        "to_tflite.py",
        "--output=half.tflite",
        "--quantization=float16",
        "--verification=images.npz",
        "--max_difference=1e-9",
    )
    assert done.returncode == 1
    assert "largest difference" in done.stderr
    assert json.loads((folder / "half.tflite.json").read_text())["largest_difference"] > 1e-9


@pytest.mark.slow
def test_int8_without_calibration_writes_nothing(folder):
    done = run(folder, "to_tflite.py", "--output=n.tflite", "--quantization=int8")
    assert done.returncode != 0
    assert "--calibration" in done.stdout + done.stderr
    assert not (folder / "n.tflite").exists()


@pytest.mark.slow
def test_saved_model_with_report(folder):
    done = run(folder, "to_saved_model.py", "--output=served/", "--verification=images.npz")
    assert done.returncode == 0, done.stderr
    assert (folder / "served" / "saved_model.pb").exists()
    assert json.loads((folder / "served.json").read_text())["top1_agreement"] == 1
