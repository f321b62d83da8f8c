"""Whatever a run writes is there whole, or as it was before."""

import json
import os
import types

import keras
import numpy as np
import pytest

from keras_senet.training import Evaluation, Result, write_report
from keras_senet.training.checkpoints import Checkpoints, write_checkpoint
from keras_senet.training.model_card import MARK, write_card
from keras_senet.training.model_file import write_model
from keras_senet.training.results import plot_curves, write_curves, write_history, write_summary

ROWS = [{"epoch": 0, "loss": 1.0, "val_loss": 1.0, "accuracy": 0.5, "val_accuracy": 0.5}]
CURVES = {name: [row[name] for row in ROWS] for name in ROWS[0] if name != "epoch"}
DESCRIPTION = {
    "data": {
        "name": "digits",
        "source": "digits",
        "division": None,
        "class_names": ["a", "b"],
        "training_images": 8,
        "held_out_images": 2,
        "view": {"size": 16, "crop": 1.0},
    },
    "recipe": {"name": "digits", "epochs": 1, "batch_size": 4},
    "precision": "float32",
    "seed": 0,
}


def write_all_results(folder):
    image = keras.Input((2,))
    model = keras.Model(image, keras.layers.Dense(2)(image))
    position = types.SimpleNamespace(rows=ROWS, best_step=1)
    write_model(model, folder / "model.keras")
    write_curves(ROWS, folder)
    write_summary(Result(model, 0.5, 1.0, folder), position, DESCRIPTION, {})


WRITERS = {
    "step-0000000001.npz": lambda path: write_checkpoint(path, {}, {"model/0": np.ones(3)}),
    "history.csv": lambda path: write_history(ROWS, path),
    "curves.png": lambda path: plot_curves(CURVES, path),
    "model.keras": lambda path: write_all_results(path.parent),
    "summary.json": lambda path: write_all_results(path.parent),
    "README.md": lambda path: write_card(path.parent),
    "report.html": lambda path: write_report(
        path.parent, Evaluation(("a", "b"), np.array([[0, 0, 1], [1, 1, 1]]), np.ones(2, int))
    ),
}


@pytest.mark.at_first(every=3)
@pytest.mark.parametrize("before", [None, f"as it was {MARK}".encode()], ids=["new", "replaced"])
@pytest.mark.parametrize("name", WRITERS)
def test_an_error_leaves_no_partial_file(name, before, tmp_path, monkeypatch):
    write_all_results(tmp_path)  # what the report reads
    path = tmp_path / name
    path.unlink(missing_ok=True)
    if before is not None:
        path.write_bytes(before)
    names = set(os.listdir(tmp_path))
    replace = os.replace

    def full(source, target):
        if os.path.basename(target) == name:
            raise OSError(28, "No space left on device")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="No space left"):
            WRITERS[name](path)
    assert set(os.listdir(tmp_path)) == names
    assert (path.read_bytes() if path.exists() else None) == before
    WRITERS[name](path)
    assert set(os.listdir(tmp_path)) == names | {name}
    assert path.read_bytes() != before


def test_a_card_of_the_users_own_stays(tmp_path):
    write_all_results(tmp_path)
    write_card(tmp_path)
    path = tmp_path / "README.md"
    (tmp_path / "summary.json").write_text(
        (tmp_path / "summary.json").read_text().replace('"seed": 0', '"seed": 7')
    )
    write_card(tmp_path)
    assert "seed 7" in path.read_text()
    mine = path.read_text().replace(MARK, "")
    path.write_text(mine)
    write_card(tmp_path)
    assert path.read_text() == mine


def test_the_card_has_every_figure_of_several_labels(tmp_path):
    write_all_results(tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text())
    for number, name in enumerate(("mean_average_precision", "exact_match")):
        for index, images in enumerate(("held_out", "test")):
            summary[f"{images}_{name}"] = 0.3 + number / 10 + index / 100
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    write_card(tmp_path)
    card = (tmp_path / "README.md").read_text()
    for figure in ("30.00%", "31.00%", "40.00%", "41.00%"):
        assert card.count(figure) == 1


def test_what_killed_runs_left_of_checkpoints_is_removed(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, {}, {})
    (tmp_path / ".step-0000000002.npz.abcd").mkdir()
    (tmp_path / ".step-0000000002.npz.abcd" / "step-0000000002.npz").write_bytes(b"half")
    (tmp_path / "step-0000000002.npz.part").write_bytes(b"half")
    (tmp_path / ".others").write_bytes(b"")
    checkpoints.clear_partial()
    assert set(os.listdir(tmp_path)) == {".others", "step-0000000001.npz"}
