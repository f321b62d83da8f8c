"""SIGTERM and Ctrl-C are answered at once, and cost nothing that was computed."""

import os
import pathlib
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet import training
from keras_senet.training.checkpoints import read_checkpoint
from keras_senet.training.stopping import Stopping

NETWORK = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
RECIPE = training.DIGITS.replace(epochs=2, batch_size=256, dropout=0.2, ema=0.9)
STEPS = 5  # an epoch: 1433 // 256
ROOT = pathlib.Path(keras_senet.__file__).parent.parent


@pytest.fixture(autouse=True)
def initializers_in_numpy():
    """None: runs that are compared start from Keras' own weights, which the seed determines."""


@pytest.fixture(scope="module")
def digits():
    return keras_senet.data.load("digits", image_size=16)


@pytest.fixture(scope="module")
def uninterrupted(digits, tmp_path_factory):
    return training.train(NETWORK, digits, RECIPE, tmp_path_factory.mktemp("run")).workdir


def state(workdir):
    return read_checkpoint(max((workdir / "checkpoints").glob("*.npz")))


def compare(workdir, expected):
    """Without deterministic algorithms, for the sake of the other tests: not the same bits."""
    (facts, arrays), (other_facts, other_arrays) = state(workdir), state(expected)
    assert facts["step"] == other_facts["step"] and facts["best_step"] == other_facts["best_step"]
    assert [list(row) for row in facts["rows"]] == [list(row) for row in other_facts["rows"]]
    for row, other in zip(facts["rows"], other_facts["rows"], strict=True):
        assert row == pytest.approx(other, rel=1e-3)
    for name, array in other_arrays.items():
        np.testing.assert_allclose(arrays[name], array, rtol=1e-4, atol=1e-5, err_msg=name)


def send(monkeypatch, number, hook, when):
    """Sends a signal to this process in the callback `hook` of a run, if `when` holds there."""

    def answer(callback, index, logs=None):
        if when(index, int(callback.model.optimizer.iterations)):
            os.kill(os.getpid(), number)

    sender = type("Sender", (keras.callbacks.Callback,), {hook: answer})
    monkeypatch.setattr(training.run, "Progress", lambda *_, **__: sender())


@pytest.mark.slow
@pytest.mark.parametrize(("epoch", "batch"), [(1, 1), pytest.param(2, 0, marks=pytest.mark.slow)])
def test_sigterm_in_validation(epoch, batch, digits, tmp_path, monkeypatch, capsys, uninterrupted):
    with monkeypatch.context() as patch:
        done = epoch * STEPS
        send(
            patch,
            signal.SIGTERM,
            "on_test_batch_begin",
            lambda index, step: index == batch and step == done,
        )
        with pytest.raises(training.Preempted) as stopped:
            training.train(NETWORK, digits, RECIPE, tmp_path)
    assert stopped.value.code == 75
    assert f"SIGTERM: saved step {done}. The same command" in capsys.readouterr().out
    facts, _ = state(tmp_path)
    assert facts["step"] == done and len(facts["rows"]) == epoch - 1
    training.train(NETWORK, digits, RECIPE, tmp_path, resume="must")
    compare(tmp_path, uninterrupted)


@pytest.mark.slow
def test_ctrl_c_saves_the_step(digits, tmp_path, monkeypatch, capsys, uninterrupted):
    with monkeypatch.context() as patch:
        send(patch, signal.SIGINT, "on_train_batch_begin", lambda index, step: step == 3)
        with pytest.raises(KeyboardInterrupt, match="Ctrl-C: saved step 3"):
            training.train(NETWORK, digits, RECIPE, tmp_path)
    assert capsys.readouterr().out.count("saved step 3") == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert state(tmp_path)[0]["step"] == 3
    training.train(NETWORK, digits, RECIPE, tmp_path, resume="must")
    compare(tmp_path, uninterrupted)


def test_before_the_first_step(digits, tmp_path, monkeypatch, capsys):
    send(monkeypatch, signal.SIGTERM, "on_epoch_begin", lambda epoch, step: True)
    with pytest.raises(training.Preempted):
        training.train(NETWORK, digits, RECIPE, tmp_path)
    assert "SIGTERM: no step is saved yet. The same command" in capsys.readouterr().out


def test_a_second_ctrl_c_does_not_wait(capsys):
    with Stopping() as stopping:
        stopping.deferred = True
        stopping.saved_step = 7
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopping.noticed() == signal.SIGTERM
        os.kill(os.getpid(), signal.SIGTERM)  # schedulers repeat it
        with pytest.raises(KeyboardInterrupt, match="saved step 7"):
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)


class Disposed:
    """An object in whose disposal a signal comes: Python swallows what its handler raises."""

    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        sum(range(1000))  # a moment to handle it


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_is_not_lost_in_the_disposal_of_an_object():
    with Stopping() as stopping:
        disposed = Disposed()
        del disposed
        assert stopping.noticed() == signal.SIGTERM


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 130)])
def test_stopped_while_libraries_load(number, code, tmp_path):
    command = [sys.executable, "train.py", f"--workdir={tmp_path / 'run'}"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as run:
        while not caught(run.pid) >> (signal.SIGTERM - 1) & 1:
            assert run.poll() is None
        run.send_signal(number)
        said, _ = run.communicate(timeout=60)
    assert run.returncode == code
    assert said.decode().splitlines()[-1].endswith("nothing is lost. Run the same command again.")
    assert b"Traceback" not in said and not (tmp_path / "run").exists()


def caught(pid):
    """The signals that a process has handlers for, a bit each."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("SigCgt:")[2].split()[0], 16)


PROGRAM = """
import os, signal
from keras_senet import mistakes
with mistakes.said():
    os.kill(os.getpid(), signal.SIGINT)
    while True: pass
"""


@pytest.mark.slow
def test_the_code_of_ctrl_c():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1] == "Ctrl-C: stopped." and "Traceback" not in done.stderr
