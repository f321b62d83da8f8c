"""Ablation tables, and cells that run once."""

import json
import math

import keras
import pytest

import keras_senet
from keras_senet.analysis.ablation.cells import Cell
from keras_senet.analysis.ablation.tables import ABLATIONS, ATTENTION, SQUEEZE, Outcome
from keras_senet.training import DIGITS, Diverged

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow")


def test_rows_are_the_papers():
    # Top-1 errors of tables 10 to 15.
    assert {one.name: [row.top1 for row in one.rows] for one in ABLATIONS} == {
        "reduction": [22.29, 22.25, 22.26, 22.28, 22.72, 23.30],
        "squeeze": [22.57, 22.28],
        "gate": [23.47, 23.00, 22.28],
        "stages": [23.30, 23.03, 23.04, 22.68, 22.28],
        "placement": [22.28, 22.23, 22.78, 22.20, 22.48],
        "attention": [23.30, 22.28, None, None, None],
    }
    reduction = ABLATIONS[0].rows
    assert [row.se and row.se.reduction for row in reduction] == [2, 4, 8, 16, 32, None]
    assert all(
        not row.se.use_bias
        for one in ABLATIONS
        for row in one.rows
        if isinstance(row.se, keras_senet.SEConfig)
    )


def test_kinds_of_attention_have_cells_of_their_own_and_share_those_of_se():
    def names(ablation):
        networks = [keras_senet.SEResNet20.replace(se=row.se) for row in ablation.rows]
        return [Cell(network, "digits", 16, DIGITS, 0).name for network in networks]

    found = names(ATTENTION)
    assert len(set(found)) == 5
    assert set(found[:2]) <= set(names(ABLATIONS[0]))
    wide = keras_senet.ECAConfig(kernel_size=5)
    other = Cell(keras_senet.SEResNet20.replace(se=wide), "digits", 16, DIGITS, 0)
    assert other.name == "eca-kernel_size_5-stages_all-standard-seed0"


def test_rows_without_a_figure_have_a_dash(tmp_path):
    outcome = Outcome(ATTENTION, ((1.0,),) * 5, (10,) * 5)
    assert str(outcome).splitlines()[3].split()[-2:] == ["-", "-"]
    outcome.to_csv(tmp_path / "attention.csv")
    pytest.importorskip("matplotlib")
    outcome.plot(tmp_path / "attention.png")


def test_mean_and_spread_by_hand():
    outcome = Outcome(SQUEEZE, ((1.0, 3.0), (2.0, 2.0)), (10, 10))
    assert outcome.means == (2.0, 2.0)
    assert outcome.spreads == (pytest.approx(2**0.5), 0.0)
    assert "22.57" in str(outcome)


def test_diverged_runs_are_counted_not_averaged(tmp_path, monkeypatch):
    from keras_senet.analysis import ablate
    from keras_senet.analysis.ablation import cells

    def train(*arguments, **options):
        raise Diverged("The loss is nan.")

    monkeypatch.setattr(keras_senet.training, "train", train)
    network = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
    cell = cells.Cell(network, "digits", 16, DIGITS, 0)
    cells.run_cells([cell], tmp_path)
    found = cell.finished(tmp_path)
    assert found["accuracy"] is None and found["parameters"] > 0
    fine = {**found, "accuracy": 0.75}
    outcome = ablate.outcome_of(SQUEEZE, [[found, fine, fine], [found, found]])
    assert outcome.diverged == (1, 2)
    assert outcome.means == pytest.approx((25.0, math.nan), nan_ok=True)
    assert outcome.spreads == (0.0, 0.0)
    ablate.write(outcome, tmp_path)
    assert "nan" in (tmp_path / "squeeze.txt").read_text()


@pytest.mark.slow
def test_tables_share_cells_and_finished_cells_are_not_run_again(tmp_path, capsys, monkeypatch):
    from keras_senet.analysis import ablate
    from keras_senet.analysis.ablation import cells

    tiny = keras_senet.SEResNet164.replace(name="tiny", depths=(1, 1, 1))
    monkeypatch.setattr(ablate, "SMALL", tiny)
    runs = []

    def run(cell, folder):
        """A run that stops at the third cell, as one that is killed."""
        if len(runs) == 2:
            raise KeyboardInterrupt
        runs.append(cell.name)
        real(cell, folder)

    real = cells.Cell.run
    monkeypatch.setattr(cells.Cell, "run", run)
    flags = ["--table=squeeze", "--seeds=2", "--epochs=2", f"--workdir={tmp_path}",
             "--image_size=8", "--batch_size=512"]  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        ablate.main(flags)
    assert len(list((tmp_path / "cells").iterdir())) == 2
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}
    runs.clear()
    ablate.main(flags)
    assert len(runs) == 2 and len(list((tmp_path / "cells").iterdir())) == 4
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    assert "4 cells, 2 finished before." in capsys.readouterr().out
    assert {"squeeze.txt", "squeeze.csv", "squeeze.png"} < {p.name for p in tmp_path.iterdir()}
    found = json.loads(next((tmp_path / "cells").glob("r16-avg*seed0.json")).read_text())
    assert 0 <= found["accuracy"] <= 1
    with pytest.raises(ValueError, match="other settings"):
        ablate.main([*flags, "--epochs=3"])


def test_designs_have_names_of_their_own():
    from keras_senet.analysis.ablation.cells import Cell

    rows = [row for one in ABLATIONS for row in one.rows]
    network = keras_senet.SEResNet164
    names = {Cell(network.replace(se=row.se), "digits", 16, DIGITS, 0).name: row.se for row in rows}
    assert len(names) == len({row.se for row in rows}) == 19
