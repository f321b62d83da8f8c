"""Recipes against hand computation; a run's files."""

import csv
import json
import math

import keras
import numpy as np
import pytest
from PIL import Image

import keras_senet
from keras_senet import training
from keras_senet.training.schedules import learning_rate

NETWORK = keras_senet.SEResNet20.replace(depths=(1, 1, 1))


def test_sgd_penalty_is_caffes():
    """v = m v + (g + l2 w); w -= lr v, as in Caffe and PyTorch; none on biases."""
    layer = keras.layers.Dense(1)
    layer.build((None, 2))
    layer.set_weights([np.array([[1.0], [-2.0]]), np.array([0.5])])
    optimizer = training.SGD(0.1, momentum=0.9, l2=0.01)
    gradients = [np.array([[0.3], [0.1]], "float32"), np.array([0.2], "float32")]
    kernel, bias = np.array([[1.0], [-2.0]]), np.array([0.5])
    velocity = [np.zeros((2, 1)), np.zeros(1)]
    for _ in range(5):
        optimizer.apply(
            [keras.ops.convert_to_tensor(g) for g in gradients], [layer.kernel, layer.bias]
        )
        velocity[0] = 0.9 * velocity[0] + gradients[0] + 0.01 * kernel
        velocity[1] = 0.9 * velocity[1] + gradients[1]
        kernel, bias = kernel - 0.1 * velocity[0], bias - 0.1 * velocity[1]
    np.testing.assert_allclose(layer.get_weights()[0], kernel, rtol=1e-6)
    np.testing.assert_allclose(layer.get_weights()[1], bias, rtol=1e-6)


def test_paper_learning_rate():
    """0.6, a tenth after every 30 of 100 epochs (section 5.1)."""
    schedule = learning_rate(training.PAPER, 10)
    for epoch, expected in [(0, 0.6), (29, 0.6), (30, 0.06), (60, 0.006), (90, 6e-4), (99, 6e-4)]:
        assert float(schedule(epoch * 10)) == pytest.approx(expected, rel=1e-5)
    assert float(schedule(299)) == pytest.approx(0.6, rel=1e-5)


def test_cosine_with_warmup():
    recipe = training.DIGITS.replace(epochs=11, warmup_epochs=1, learning_rate=0.2)
    schedule = learning_rate(recipe, 10)
    assert float(schedule(5)) == pytest.approx(0.1)
    for step in (10, 35, 60, 110):
        expected = 0.1 * (1 + math.cos(math.pi * (step - 10) / 100))
        assert float(schedule(step)) == pytest.approx(expected, abs=1e-6)


@pytest.fixture(scope="module")
def digits():
    return keras_senet.data.load("digits", image_size=16)


def test_a_run_writes_its_files(digits, tmp_path):
    recipe = training.DIGITS.replace(epochs=2, batch_size=128)
    result = training.train(NETWORK, digits, recipe, tmp_path / "run")
    names = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert [name for name in names if not name.startswith(".")] == [
        "README.md",
        "best.keras",
        "checkpoints",
        "curves.png",
        "history.csv",
        "images.csv.gz",
        "model.keras",
        "report.html",
        "summary.json",
    ]
    model = keras.models.load_model(result.workdir / "model.keras")
    images, labels = digits.held_out_arrays()
    accuracy = (model.predict(images, verbose=0).argmax(-1) == labels).mean()
    assert accuracy == pytest.approx(result.accuracy)
    with open(result.workdir / "history.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    assert float(rows[1]["val_accuracy"]) == pytest.approx(result.accuracy)
    summary = json.loads((result.workdir / "summary.json").read_text())
    assert summary["held_out_accuracy"] == pytest.approx(result.accuracy)
    assert summary["recipe"]["epochs"] == 2
    assert summary["training_images"] + summary["held_out_images"] == 1797
    card = (result.workdir / "README.md").read_text()
    assert f"| accuracy, held-out images | {result.accuracy:.2%} |" in card
    assert "Classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9." in card
    assert (result.workdir / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_broken_files_are_listed(tmp_path):
    """Training goes to its end on a folder of which 5 % cannot be read, and names exactly those."""
    rng = np.random.default_rng(0)
    files = []
    for label, colour in (("red", (200, 30, 30)), ("blue", (30, 30, 200))):
        (tmp_path / label).mkdir()
        for number in range(50):
            pixels = rng.normal(colour, 20, (40, 48, 3)).clip(0, 255).astype("uint8")
            files.append(tmp_path / label / f"{number:02}.jpg")
            Image.fromarray(pixels).save(files[-1])
    # Among them 35, which is held out: every fifth of a class is.
    broken = {
        files[3]: lambda data: data[:-100],
        files[35]: lambda data: data[:100],
        files[52]: lambda data: b"",
        files[61]: lambda data: b"no image at all",
        files[88]: lambda data: data.replace(b"\xff\xc4\x00\x1f", b"\xff\xc4\x00\x01"),
    }
    for path, spoilt in broken.items():
        path.write_bytes(spoilt(path.read_bytes()))
    dataset = keras_senet.data.load(f"folder:{tmp_path}", image_size=32)
    recipe = training.DIGITS.replace(epochs=2, batch_size=16)
    result = training.train(NETWORK, dataset, recipe, tmp_path / "run")
    summary = json.loads((result.workdir / "summary.json").read_text())
    assert summary["bad_images"].keys() == {str(path) for path in broken}
    with open(result.workdir / "history.csv") as file:
        assert len(list(csv.DictReader(file))) == 2


@pytest.mark.slow
def test_mixed_precision_run_and_start_from_weights(digits, tmp_path):
    recipe = training.DIGITS.replace(epochs=1, warmup_epochs=0, batch_size=256)
    first = training.train(NETWORK, digits, recipe, tmp_path, precision="bfloat16")
    assert keras.config.dtype_policy().name == "float32"
    assert first.model.get_layer("stage2_block1_conv1").compute_dtype == "bfloat16"
    first.model.save_weights(tmp_path / "x.weights.h5")
    slow = recipe.replace(learning_rate=1e-6)
    second = training.train(
        NETWORK, digits, slow, tmp_path / "second", weights=tmp_path / "x.weights.h5", seed=9
    )
    kernel = second.model.get_layer("head").kernel - first.model.get_layer("head").kernel
    assert 0 < np.abs(np.asarray(kernel)).max() < 1e-3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"precision": "int8"}, "`precision` must be one of"),
        ({"recipe": training.DIGITS.replace(batch_size=4096)}, "larger than the 1433 training"),
    ],
)
def test_bad_runs(arguments, message, digits, tmp_path):
    with pytest.raises(ValueError, match=message):
        training.train(
            **{"architecture": NETWORK, "dataset": digits, "recipe": training.DIGITS, **arguments},
            workdir=tmp_path,
        )
