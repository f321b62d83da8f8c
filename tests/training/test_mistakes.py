"""Mistakes of a user: one sentence and exit code 2, before anything is computed."""

import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import keras_senet
from keras_senet import mistakes, training
from keras_senet.training.folder import check_workdir

ROOT = pathlib.Path(__file__).parents[2]
NETWORK = keras_senet.SEResNet20.replace(depths=(1, 1, 1))


def run_program(*flags):
    return subprocess.run(
        [sys.executable, ROOT / "train.py", *flags],
        env={**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.slow
def test_the_program_says_a_mistake(tmp_path):
    done = run_program("--data=folder:/nope", f"--workdir={tmp_path}/run")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "No folder at /nope. Expected" in done.stderr
    assert not (tmp_path / "run").exists()


def said(error):
    """Exit code and words of a program that ends with an error."""
    words = io.StringIO()
    with pytest.raises(SystemExit) as leaving, contextlib.redirect_stderr(words), mistakes.said():
        raise error
    return leaving.value.code, words.getvalue()


def test_what_is_a_mistake(monkeypatch):
    for error in (ValueError("Wrong."), OSError("Wrong."), ImportError("Wrong.")):
        code, words = said(error)
        assert code == 2 and words.splitlines()[0] == "Wrong."
    assert said(ValueError("first\n" + "x" * 4000))[1].startswith("first ...\n")
    assert said(FileNotFoundError(2, "No such file", "a.npz"))[1].count("a.npz") == 1
    for other in (TypeError, ZeroDivisionError, training.Diverged):
        with pytest.raises(other), mistakes.said():
            raise other
    with pytest.raises(SystemExit) as leaving, mistakes.said():
        raise training.Preempted
    assert leaving.value.code == 75
    monkeypatch.setattr(sys, "argv", ["train.py", "--debug"])
    with pytest.raises(ValueError, match="Wrong"), mistakes.said():
        raise ValueError("Wrong.")


def test_a_workdir_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    for workdir in (tmp_path / "file", tmp_path / "file" / "run" / "a"):
        with pytest.raises(NotADirectoryError, match=r"where .*/file is a file"):
            check_workdir(workdir)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoints").write_text("x")
    with pytest.raises(NotADirectoryError, match=r"checkpoints is a file"):
        training.train(NETWORK, DIGITS, training.DIGITS, tmp_path / "run")
    check_workdir(tmp_path / "new" / "run")
    monkeypatch.chdir(tmp_path)
    check_workdir("relative/run")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "run"]

    def refuse(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(PermissionError, match=r"Cannot write .* \(Read-only file system\)"):
        check_workdir(tmp_path / "new")


DIGITS = keras_senet.data.load("digits", image_size=16)
ONE_EPOCH = training.DIGITS.replace(epochs=1, warmup_epochs=0, batch_size=256)


@pytest.mark.slow
def test_a_test_split_is_judged_once_at_the_end(tmp_path, caplog):
    turned = DIGITS.held_out
    test = keras_senet.data.Split(255 - turned.items[:300], turned.labels[:300])
    caplog.set_level("INFO", logger="keras_senet")
    result = training.train(NETWORK, DIGITS.replace(test=test), ONE_EPOCH, tmp_path)
    assert "1433 training, 364 held-out, 300 test images" in caplog.text
    right = result.model.predict(test.items, verbose=0).argmax(-1) == test.labels
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["test_accuracy"] == result.test.top1 == pytest.approx(right.mean())
    assert summary["test_images"] == result.test.images == 300
    assert summary["held_out_images"] == 364
    page = (tmp_path / "report.html").read_text()
    assert f"<b>{result.test.top1:.2%}</b>top-1 accuracy, test" in page
    with pytest.raises(ValueError, match="test_images was 300 and is None"):
        training.train(NETWORK, DIGITS, ONE_EPOCH, tmp_path)


@pytest.mark.slow
def test_too_many_unreadable_images_are_said_in_a_sentence(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(20):
            path = tmp_path / name / f"{number:02}.jpg"
            Image.fromarray(np.full((20, 20, 3), 6 * number, "uint8")).save(path)
            if number % 3 == 1:
                path.write_text("no image")
    dataset = keras_senet.data.load(f"folder:{tmp_path}", image_size=16, max_bad_images=2)
    with pytest.raises(
        ValueError, match=r"^\d+ images cannot be read.*/\d\d\.jpg: Expected a whole"
    ):
        training.train(NETWORK, dataset, ONE_EPOCH.replace(batch_size=8), tmp_path / "run")
