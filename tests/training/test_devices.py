"""Devices that are not there, tasks that would train apart, and replicas that sum first."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import pytest

import keras_senet
from keras_senet import training
from keras_senet.training import distribution


@pytest.mark.parametrize(
    "devices", [("cpu:0", "cpu:9"), ("gpu:7",), ("cpu:0", "CPU:0"), ("xpu",), ()]
)
def test_devices_that_are_not_there(devices):
    expected = r"^Expected devices of these, each once: .*cpu:0.*\. Received: "
    with pytest.raises(ValueError, match=expected), distribution.replicas(devices):
        pass


@pytest.mark.parametrize("name", ["cpu:0", "CPU:0", "/device:CPU:0", "cpu"])
def test_one_device_is_the_one_that_is_used(name, monkeypatch):
    used = []
    device = keras.device
    monkeypatch.setattr(keras, "device", lambda name: used.append(name) or device(name))
    with distribution.replicas((name,)) as count:
        assert count == 1
    assert used == ["cpu:0"]


CLUSTER = json.dumps({"cluster": {"chief": ["a:1"], "worker": ["b:1", "c:1"]}})


@pytest.mark.parametrize(
    ("variable", "alone", "several"),
    [
        pytest.param(
            "SLURM_NTASKS",
            "1",
            "3",
            marks=pytest.mark.skipif(
                keras.backend.backend() == "jax", reason="on JAX tasks train together"
            ),
        ),
        ("WORLD_SIZE", "1", "3"),
        ("OMPI_COMM_WORLD_SIZE", "1", "3"),
        ("PMI_SIZE", "1", "3"),
        ("TF_CONFIG", '{"cluster": {"worker": ["a:1"]}}', CLUSTER),
    ],
)
def test_processes_that_would_train_apart(variable, alone, several, monkeypatch, tmp_path):
    dataset = keras_senet.data.load("digits", image_size=16)
    monkeypatch.setenv(variable, alone)
    assert training.initialize() is False
    monkeypatch.setenv(variable, several)
    expected = rf"3 processes \({variable}\).*KERAS_BACKEND=jax.*unset {variable}"
    with pytest.raises(ValueError, match=expected):
        training.initialize()
    with pytest.raises(ValueError, match=expected):
        training.train(keras_senet.SEResNet20, dataset, training.DIGITS, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("value", ["worker", "[]", '{"cluster": 3}'])
def test_a_cluster_that_cannot_be_read(value, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", value)
    with pytest.raises(ValueError, match=r"^TF_CONFIG must be JSON .* Received: "):
        training.initialize()


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.distribute")
def test_two_replicas_clip_and_accumulate_as_one_device():
    """In float64: the clipped and accumulated gradients are the same, up to the order of sums."""
    root = pathlib.Path(keras_senet.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, pathlib.Path(__file__).with_name("replicas.py")],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == 8
    assert max(found.values()) < 1e-12, found
