"""The table of weight sets: true to timm's own configurations, to the networks and to its page."""

import importlib.util
import json
import pathlib

import pytest
from small import variants

import keras_senet
from keras_senet.weights import RECORDS, decode_predictions, table
from keras_senet.weights.layouts.table import LAYOUTS

ROOT = pathlib.Path(__file__).parents[2]
CONFIGS = json.loads((ROOT / "tests" / "golden" / "timm_configs.json").read_text())


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_records_are_for_networks_that_exist(record):
    for name in (record.network, *record.also):
        network = getattr(keras_senet, name)
        assert record.fits(network.name)
        network.replace(**record.fields)
    assert record.source.startswith("https://")


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_layouts_are_of_networks_that_exist(layout):
    """Some network says what each layout decides; files with pixels 0..255 less a mean read BGR."""
    decided = [network.released_fields.get(layout) for network in variants().values()]
    decided = [fields for fields in decided if fields is not None]
    assert decided
    for fields in decided:
        if "preprocessing" in fields:
            assert (layout.channel_order == "bgr") == (fields["preprocessing"].std[0] == 1 / 255)


def test_timm_states_the_same():
    """Size, crop, interpolation, mean and deviation of timm's own test configuration."""
    compared = 0
    for record in RECORDS:
        if not record.name.startswith("timm/"):
            continue
        config = CONFIGS[record.name.removeprefix("timm/")]
        view = record.preprocessing
        assert record.input_size == config["size"], record.name
        assert view.crop == config["crop"] and view.interpolation == config["interpolation"]
        assert view.crop_mode == config["crop_mode"]
        assert list(view.mean) == config["mean"] and list(view.std) == config["std"]
        assert record.classes == config["classes"]
        if record.repository is None:
            assert record.url == config["url"]
        compared += 1
    assert compared == 34 + 8 + 48 + 81


def test_names_are_unique_and_printed(capsys):
    names = [record.name for record in RECORDS]
    assert len(set(names)) == len(names)
    table("SEBNInception")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["weights", "caffe/SE-BN-Inception"]


def test_the_page_is_not_stale():
    path = ROOT / "docs" / "generate_weight_sets.py"
    spec = importlib.util.spec_from_file_location("generate_weight_sets", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    page = (ROOT / "docs" / "weight_sets.md").read_text()
    assert page == script.page(), "run python docs/generate_weight_sets.py"


def test_decode_predictions():
    import numpy as np

    scores = np.zeros((1, 1000))
    scores[0, [207, 1]] = 0.7, 0.2
    (best, second), *_ = decode_predictions(scores, top=2)
    assert best == ("n02099601", "golden retriever", 0.7)
    assert second[:2] == ("n01443537", "goldfish, Carassius auratus")
    caffe = np.eye(1000)[[0]]
    assert decode_predictions(caffe, top=1, labels="caffe")[0][0][0] == "n02119789"
    few = np.array([[0.1, 0.6, 0.3], [0.5, 0.5, 0.0]])
    found = decode_predictions(few, top=2, labels=("cat", "dog", "frog"))
    assert found[0] == [("1", "dog", 0.6), ("2", "frog", 0.3)]
    assert [name for _, name, _ in found[1]] == ["cat", "dog"]
    assert decode_predictions(few, top=2, labels=np.array(["cat", "dog", "frog"])) == found
    for dtype in ("uint8", "uint16", "int8", "bool", "float16"):  # as files of integers give them
        one = np.array([[0, 1, 0]], dtype)
        (((_, name, _),),) = decode_predictions(one, 1, ("cat", "dog", "frog"))
        assert name == "dog"
    for wrong in (
        {"predictions": np.zeros((1, 999))},
        {"predictions": np.array([[0.1, np.nan]]), "labels": ("cat", "dog")},
        {"predictions": few, "top": 1},  # ten classes are not ImageNet's first
        {"predictions": few, "labels": ("cat", "dog")},
        {"predictions": few, "labels": ("cat", "dog", "frog"), "top": 4},
        {"predictions": few, "labels": None},  # of a model that does not name its classes
        {"predictions": few, "labels": (1, 2, 3)},
        {"predictions": few, "labels": {"cat", "dog", "frog"}},  # which has no order
        {"predictions": few, "labels": {"cat": 0, "dog": 1, "frog": 2}},
        {"predictions": few, "labels": np.array([["cat", "dog", "frog"]])},
        {"predictions": few, "labels": object()},
        {"predictions": scores, "labels": "alphabet"},
        {"predictions": scores, "top": 0},
        {"predictions": scores, "top": 1.5},
    ):
        with pytest.raises(ValueError, match=r"Expected|must be"):
            decode_predictions(**wrong)
