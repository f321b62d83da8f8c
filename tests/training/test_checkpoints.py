"""Checkpoint files: whole or not there."""

import errno
import os

import numpy as np
import pytest

from keras_senet.training import Diverged
from keras_senet.training.checkpoints import Checkpoints, Damaged, read_checkpoint, write_checkpoint

FACTS = {"step": 3, "rows": [{"loss": 0.1}]}


def arrays(value=1.0):
    return {"model/0": np.full((3, 2), value, "float32"), "optimizer/0": np.array(7, "int64")}


def test_what_is_written_is_read(tmp_path):
    write_checkpoint(tmp_path / "x.npz", FACTS, arrays())
    facts, read = read_checkpoint(tmp_path / "x.npz")
    assert facts == FACTS
    assert {name: (a.dtype, a.shape) for name, a in read.items()} == {
        "model/0": (np.float32, (3, 2)),
        "optimizer/0": (np.int64, ()),
    }
    np.testing.assert_array_equal(read["model/0"], arrays()["model/0"])
    assert os.listdir(tmp_path) == ["x.npz"]


def test_every_truncation_and_every_flipped_byte_is_noticed(tmp_path):
    path = tmp_path / "x.npz"
    write_checkpoint(path, FACTS, arrays())
    whole = path.read_bytes()
    facts, expected = read_checkpoint(path)
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(Damaged, match=r"x\.npz"):
            read_checkpoint(path)
    for position in range(0, len(whole), 7):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
        try:  # a byte that carries no content, such as a date, may change
            read = read_checkpoint(path)
        except (Damaged, OSError):
            continue
        assert read[0] == facts
        for name, array in expected.items():
            np.testing.assert_array_equal(read[1][name], array)


def test_the_newest_whole_one_counts(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.newest() is None
    for step in (1, 2, 3):
        checkpoints.save(step, {"step": step}, arrays(step))
    last = checkpoints.path(3)
    last.write_bytes(last.read_bytes()[:-100])
    with pytest.warns(UserWarning, match=f"Skipped a checkpoint: {last}"):
        facts, _ = checkpoints.newest()
    assert facts == {"step": 2}
    for path in checkpoints.paths():
        path.write_bytes(b"")
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="None of the 3 checkpoints"):
        checkpoints.newest()


def test_the_last_ones_and_the_best_stay(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in range(1, 8):
        checkpoints.save(step, {}, arrays(), best_step=3 if step >= 3 else step)
    assert [path.name for path in checkpoints.paths()] == [
        f"step-{step:010}.npz" for step in (3, 6, 7)
    ]


def test_no_value_that_is_not_finite_is_saved(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=1)
    checkpoints.save(1, {"step": 1}, arrays())
    for value in (np.nan, np.inf):
        with pytest.raises(Diverged, match=r"model/0 .* at step 2.*step-0000000001\.npz"):
            checkpoints.save(2, {"step": 2}, arrays(value))
    assert checkpoints.newest()[0] == {"step": 1}


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_full_disk_keeps_what_is_there(error, tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path, keep=1)
    assert checkpoints.save(1, {"step": 1}, arrays())

    def full(*_):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(UserWarning, match=r"step 2 could not be written: .*Kept: .*step-0000000001"):
        assert not checkpoints.save(2, {"step": 2}, arrays())
    assert os.listdir(tmp_path) == ["step-0000000001.npz"]
    assert checkpoints.newest()[0] == {"step": 1}
