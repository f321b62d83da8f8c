"""The folder of a run belongs to one process at a time, and its model comes first."""

import pathlib
import subprocess
import sys

import pytest

import keras_senet
from keras_senet import training
from keras_senet.training.folder import LOCK, check_workdir, locked

NETWORK = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
RECIPE = training.DIGITS.replace(epochs=1, warmup_epochs=0, batch_size=256)
HOLDER = """
import pathlib, sys
from keras_senet.training.folder import locked
with locked(pathlib.Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def digits():
    return keras_senet.data.load("digits", image_size=16)


def test_the_same_folder_twice_in_one_process(tmp_path):
    with locked(tmp_path / "run"):
        with pytest.raises(BlockingIOError, match=r"Another process trains in .*run"):
            check_workdir(tmp_path / "run")
        with pytest.raises(BlockingIOError), locked(tmp_path / "run"):
            pass
        check_workdir(tmp_path / "other")
    with locked(tmp_path / "run"):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("resume", ["auto", "never"])
def test_a_folder_of_another_process(resume, digits, tmp_path, monkeypatch):
    root = pathlib.Path(keras_senet.__file__).parent.parent
    monkeypatch.setenv("PYTHONPATH", str(root))
    checkpoint = tmp_path / "checkpoints" / "step-0000000001.npz"
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(b"of the other process")
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "locked\n"
    with pytest.raises(BlockingIOError, match="Another process trains in"):
        training.train(NETWORK, digits, RECIPE, tmp_path, resume=resume)
    assert checkpoint.read_bytes() == b"of the other process"
    holder.kill()  # the lock ends with its process
    holder.wait()
    assert (tmp_path / LOCK).exists()
    check_workdir(tmp_path)


def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with locked(tmp_path):
        assert "has no locks (No locks available)" in caplog.text


@pytest.mark.slow
def test_the_model_is_there_whatever_fails_after_it(digits, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("The test disk is gone.")

    monkeypatch.setattr(training._train, "evaluate", fail)
    with pytest.raises(OSError, match="disk is gone"):
        training.train(NETWORK, digits, RECIPE, tmp_path)
    assert (tmp_path / "model.keras").exists() and (tmp_path / "history.csv").exists()
    monkeypatch.undo()
    before = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    result = training.train(NETWORK, digits, RECIPE, tmp_path)  # goes on with the evaluation
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == before
    assert 0 <= result.accuracy <= 1 and (tmp_path / "report.html").exists()


def test_the_home_folder(digits, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    check_workdir("~/run")
    (tmp_path / "run").write_text("a file in the way")
    with pytest.raises(NotADirectoryError):
        training.train(NETWORK, digits, RECIPE, "~/run")
