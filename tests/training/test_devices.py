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


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="on JAX tasks train together")
def test_several_tasks_of_slurm(monkeypatch):
    monkeypatch.setenv("SLURM_NTASKS", "1")
    assert training.initialize() is False
    monkeypatch.setenv("SLURM_NTASKS", "4")
    with pytest.raises(ValueError, match=r"SLURM_NTASKS=4.*KERAS_BACKEND=jax"):
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
