"""The page of all variants says what the values say, and what they cost is what the paper says."""

import importlib.util
import json
import pathlib

import pytest

from keras_senet.analysis.costs.paper import ROWS, counts

DOCS = pathlib.Path(__file__).parents[2] / "docs"
# No known layout has the paper's figure of Inception-ResNet-v2; ShuffleNet's is a round one.
UNEXPLAINED = {"Inception-ResNet-v2": 0.13, "ShuffleNet": 0.02}


def script_of(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def test_the_page_of_latencies_is_not_stale():
    pytest.importorskip("matplotlib")
    script = script_of("generate_choosing")
    record = json.loads(script.RESULT.read_text())
    assert script.PAGE.read_text() == script.page(record), "run python docs/generate_choosing.py"
    reference = record["reference"]
    for row in record["rows"]:
        small = row["macs"] <= record["most_gmacs"] * 1e9
        # What the page says of the networks that it leaves out.
        assert (row in script.timed(record["rows"])) == (
            small or (row["network"] == reference and row["size"] == 224)
        )


@pytest.mark.slow
def test_the_page_is_not_stale_and_agrees_with_the_paper():
    """One test: both need all networks, which takes minutes."""
    script = script_of("generate_models")
    assert (DOCS / "models.md").read_text() == script.page(), "run python docs/generate_models.py"
    for row in ROWS:
        macs, parameters = counts(row)
        where = f"table {row.table}, {row.label}"
        tolerance = UNEXPLAINED.get(row.label.removeprefix("SE-"), 0.005)
        if row.macs is not None:
            assert macs == pytest.approx(row.macs, rel=tolerance), where
        if row.parameters is not None:
            # 0.12 M: the paper adds rounded parts, and truncates ShuffleNet's.
            assert parameters == pytest.approx(row.parameters, abs=0.12e6), where
