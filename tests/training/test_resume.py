"""A run that is stopped goes on as if it had not been."""

import csv
import os
import pathlib
import signal

import keras
import numpy as np
import pytest
from training.survive import compare

import keras_senet
from keras_senet import training
from keras_senet.training.checkpoints import read_checkpoint

NETWORK = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
RECIPE = training.DIGITS.replace(
    epochs=2,
    batch_size=256,
    learning_rate=0.02,  # statistics of five steps, frozen, bear no higher one
    dropout=0.2,
    ema=0.9,
    freeze_bn_from=1,
    label_smoothing=0.1,
)
STEPS = 5  # an epoch: 1433 // 256


@pytest.fixture(scope="module")
def digits():
    return keras_senet.data.load("digits", image_size=16)


@pytest.fixture
def initializers_in_numpy():
    """In place of the one of all tests, whose weights are not those of a run's own seed."""


def state(workdir):
    return read_checkpoint(sorted((workdir / "checkpoints").glob("*.npz"))[-1])


@pytest.fixture(scope="module")
def uninterrupted(digits, tmp_path_factory):
    return training.train(NETWORK, digits, RECIPE, tmp_path_factory.mktemp("run"))


@pytest.mark.slow
@pytest.mark.parametrize("step", [pytest.param(3, marks=pytest.mark.slow), STEPS, STEPS + 2])
def test_sigterm_saves_and_the_same_call_goes_on(
    step, uninterrupted, digits, tmp_path, monkeypatch, capsys
):
    class Sender(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_begin(self, batch, logs=None):
            if self.epoch * STEPS + batch == step:
                os.kill(os.getpid(), signal.SIGTERM)

    progress = training.run.Progress
    monkeypatch.setattr(training.run, "Progress", lambda *_, **__: Sender())
    with pytest.raises(training.Preempted) as stopped:
        training.train(NETWORK, digits, RECIPE, tmp_path)
    assert stopped.value.code == 75
    assert f"saved step {step}" in capsys.readouterr().out
    assert state(tmp_path)[0]["step"] == step
    monkeypatch.setattr(training.run, "Progress", progress)
    result = training.train(NETWORK, digits, RECIPE, tmp_path, resume="must")
    # Without deterministic algorithms, for the sake of the other tests: not the same bits.
    expected, resumed = state(uninterrupted.workdir), state(tmp_path)
    assert resumed[0]["step"] == expected[0]["step"] == 2 * STEPS
    for name, array in expected[1].items():
        np.testing.assert_allclose(resumed[1][name], array, rtol=1e-4, atol=1e-5, err_msg=name)
    assert result.accuracy == pytest.approx(uninterrupted.accuracy)
    with open(tmp_path / "history.csv") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]


@pytest.mark.slow
def test_a_finished_run_is_not_trained_again(uninterrupted, digits):
    before = state(uninterrupted.workdir)
    files = [uninterrupted.workdir / name for name in ("model.keras", "best.keras")]
    written = [(file.read_bytes(), file.stat().st_mtime_ns) for file in files]
    again = training.train(NETWORK, digits, RECIPE, uninterrupted.workdir)
    assert again.accuracy == uninterrupted.accuracy
    assert again.seconds == uninterrupted.seconds
    after = state(uninterrupted.workdir)
    assert after[0] == before[0]
    # Their bytes name them where another run starts from one, which then goes on as well.
    for file, (content, time) in zip(files, written, strict=True):
        assert file.stat().st_mtime_ns > time
        assert file.read_bytes() == content


@pytest.mark.slow
def test_another_run_does_not_go_on(uninterrupted, digits):
    workdir = uninterrupted.workdir
    for change, message in [
        (
            {"recipe": RECIPE.replace(learning_rate=0.3)},
            r"recipe\.learning_rate was 0\.02 and is 0",
        ),
        ({"architecture": NETWORK.replace(se=None)}, r"architecture\.se"),
        ({"dataset": keras_senet.data.load("digits", image_size=12)}, "data.image_size was 16"),
        ({"seed": 1}, "seed was 0 and is 1"),
    ]:
        arguments = {"architecture": NETWORK, "dataset": digits, "recipe": RECIPE, **change}
        with pytest.raises(ValueError, match=message):
            training.train(**arguments, workdir=workdir)


@pytest.mark.slow
def test_must_and_never(digits, tmp_path):
    with pytest.raises(ValueError, match=r"no checkpoint in .* to go on from"):
        training.train(NETWORK, digits, RECIPE, tmp_path, resume="must")
    short = RECIPE.replace(epochs=1, freeze_bn_from=None, warmup_epochs=0)
    training.train(NETWORK, digits, short, tmp_path)
    stale = tmp_path / "checkpoints" / "step-0000000099.npz"
    stale.write_bytes(b"of an earlier run")
    training.train(NETWORK, digits, short, tmp_path, seed=1, resume="never")
    assert not stale.exists()
    assert state(tmp_path)[0]["run"]["seed"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["nan", pytest.param("high", marks=pytest.mark.slow)])
def test_a_run_that_diverges_stops_with_the_last_good_state(kind, digits, tmp_path):
    # Nothing is left of the weights after one step at such a rate.
    rate = {"nan": 1e30, "high": 30.0}[kind]
    recipe = training.DIGITS.replace(
        epochs=14, batch_size=256, learning_rate=rate, base_batch_size=256, clip_norm=None
    )
    with pytest.raises(training.Diverged, match="has diverged: try a lower learning rate"):
        training.train(NETWORK, digits, recipe, tmp_path, saving=training.Saving(steps=1))
    for path in (tmp_path / "checkpoints").glob("*"):
        _, arrays = read_checkpoint(path)
        assert all(np.isfinite(a).all() for a in arrays.values() if a.dtype.kind == "f")


@pytest.mark.slow
def test_sigkill_at_random_moments_changes_nothing(tmp_path, monkeypatch):
    root = pathlib.Path(keras_senet.__file__).parent.parent
    monkeypatch.setenv("PYTHONPATH", str(root))
    half_written, different = compare(4, tmp_path)
    assert half_written, "no kill fell into a write: the test has not tested it"
    assert not different
