"""Several processes and devices do what one does, and end together.

Each process of a test is a new one: see `together.py`.
"""

import pathlib

import pytest
from training import together

import keras_senet

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def package(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(pathlib.Path(keras_senet.__file__).parent.parent))


def test_two_processes_equal_one(tmp_path):
    """Losses relative to themselves, weights to the largest one of their tensor."""
    found = together.processes(tmp_path)
    assert found["epochs"] == 2
    assert found["loss"] < 1e-5
    assert found["weights"] < 1e-5


def test_two_devices_of_tensorflow_equal_one(tmp_path):
    """Losses relative to themselves, weights to the largest one of their tensor."""
    found = together.devices(tmp_path)
    assert found["epochs"] == 2
    assert found["loss"] < 1e-5
    assert found["weights"] < 1e-5


def test_a_process_that_is_killed_ends_the_other_one(tmp_path):
    found = together.loss(tmp_path)
    assert found["seconds"] <= 60
    assert found["code"] == 76, found
    assert "Start all of them again" in found["message"][0]
    assert found["went on to"] > found["killed after"]
