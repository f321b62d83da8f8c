"""Evaluation, report and progress."""

import dataclasses
import io
import json
import types

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet.data.bad_images import BadImages
from keras_senet.training import (
    DIGITS,
    Evaluation,
    Progress,
    Saving,
    evaluate,
    optimizer,
    write_report,
)
from keras_senet.training.average import Average
from keras_senet.training.batches import ExactLoss
from keras_senet.training.divergence import Divergence
from keras_senet.training.progress import LearningRate, UnreadableImages
from keras_senet.training.results import plot_curves
from keras_senet.training.saving import Saver
from keras_senet.training.schedules import learning_rate
from keras_senet.training.state import Position
from keras_senet.training.stopping import Stopping
from keras_senet.weights.named_classes import name_classes

# Of six images of class 0 three are right, two taken for class 1; class 2 has no images.
PAIRS = np.array([[0, 0, 3], [0, 1, 2], [0, 2, 1], [1, 1, 4]])


@dataclasses.dataclass(frozen=True)
class Fake:
    """Images that are their own scores: `(N, 1, K, 3)`."""

    scores: np.ndarray
    labels: np.ndarray
    name: str = "fake"
    held_out: object = dataclasses.field(
        default_factory=lambda: types.SimpleNamespace(holds_pixels=False)
    )
    seen: object = None
    multi_label: bool = False
    bad_images: BadImages = dataclasses.field(default_factory=BadImages)

    def seen_by(self, model):
        return self

    def unreadable(self, split):
        return {}

    @property
    def class_names(self):
        return tuple("abcdefgh"[: self.scores.shape[1]])

    def validation(self, batch_size):
        for start in range(0, len(self.labels), batch_size):
            part = slice(start, start + batch_size)
            yield np.repeat(self.scores[part, None, :, None], 3, -1), self.labels[part]


def reader(classes):
    image = keras.Input((1, classes, 3))
    return keras.Model(image, keras.layers.Flatten()(image[..., 0]))


@pytest.mark.parametrize("batch_size", [1, 7, 10, 64])
def test_counts_are_exact_for_any_batch(batch_size):
    """23 images, whose last batch is partial; counted one by one."""
    rng = np.random.default_rng(1)
    scores, labels = rng.normal(size=(23, 8)).astype("float32"), rng.integers(0, 8, 23)
    evaluation = evaluate(reader(8), Fake(scores, labels), batch_size)
    assert evaluation.images == 23
    right = sum(scores[n].argmax() == labels[n] for n in range(23))
    assert evaluation.top1 == right / 23
    top5 = sum((scores[n] > scores[n, labels[n]]).sum() < 5 for n in range(23))
    assert evaluation.top5 == top5 / 23
    expected = np.zeros((8, 8), int)
    for row, label in zip(scores, labels, strict=True):
        expected[label, row.argmax()] += 1
    np.testing.assert_array_equal(evaluation.confusion, expected)


def test_classes_and_mistakes():
    evaluation = Evaluation(("cat", "dog", "owl"), PAIRS, np.array([6, 4, 0]))
    np.testing.assert_array_equal(evaluation.confusion, [[3, 2, 1], [0, 4, 0], [0, 0, 0]])
    np.testing.assert_array_equal(evaluation.class_images, [6, 4, 0])
    np.testing.assert_allclose(evaluation.class_accuracy, [0.5, 1, np.nan])
    assert evaluation.confused() == [("cat", "dog", 2), ("cat", "owl", 1)]
    assert json.loads(json.dumps(evaluation.summary())) == {
        "images": 10,
        "unreadable": 0,
        "top1": 0.7,
        "top5": 1.0,
        "class_accuracy": {"cat": 0.5, "dog": 1.0, "owl": None},
        "confused": [["cat", "dog", 2], ["cat", "owl", 1]],
    }


def test_a_model_of_other_images_than_raw_pixels(caplog):
    """A data set delivers 0..255, which a model of normalized images would take without a word."""
    pixels = np.full((4, 8, 8, 3), 100, "uint8")
    split = keras_senet.data.Split(pixels, [0, 1, 0, 1])
    dataset = keras_senet.data.Dataset("pets", ("cat", "dog"), 8, split, split)

    def model(*parts):
        ends = keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")
        return keras.Sequential([keras.Input((8, 8, 3)), *parts, *ends])

    evaluate(model(), dataset, 4)
    assert "looks like raw pixels" in caplog.text and "nothing tells the range" in caplog.text
    caplog.clear()
    for own in (keras.layers.Rescaling(1 / 255), keras.layers.Rescaling(1 / 127.5, -1)):
        evaluate(model(own), dataset, 4)
    assert "raw pixels" not in caplog.text
    shares = model(keras.layers.Rescaling(255), keras.layers.Rescaling(1 / 127.5, -1))
    with pytest.raises(ValueError, match=r"Images of pets must be in 0\.\.1, .* 0\.\.255"):
        evaluate(shares, dataset, 4)


def test_a_model_of_other_classes():
    data = Fake(np.zeros((4, 3), "float32"), np.zeros(4, int))
    with pytest.raises(ValueError, match="The model has 4 classes, fake has 3"):
        evaluate(reader(4), data, 2)
    with pytest.raises(ValueError, match="no held-out images"):
        evaluate(reader(3), Fake(data.scores[:0], data.labels[:0]), 2)


def test_classes_of_other_names_are_not_judged(caplog):
    """A class called otherwise comes elsewhere in the order, and moves all between."""
    pixels = np.full((4, 32, 32, 3), 100, "uint8")
    split = keras_senet.data.Split(pixels, [0, 1, 2, 0])
    dataset = keras_senet.data.Dataset("pets", ("cat", "dog", "owl"), 32, split, split)
    model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))(classes=3, input_shape=(32, 32, 3))
    evaluate(model, dataset, 4)
    assert "does not name its classes" in caplog.text
    caplog.clear()
    name_classes(model, dataset.class_names)
    evaluation = evaluate(model, dataset, 4)
    assert not caplog.records and evaluation.view.crop == 1
    others = dataset.replace(class_names=("dog", "owl", "yak"))
    with pytest.raises(ValueError, match="number 0 is 'cat' of the model and 'dog' of the data"):
        evaluate(model, others, 4)
    with pytest.raises(ValueError, match="number 0 is 'cat'"):
        keras_senet.analysis.usefulness(model, others)
    with pytest.raises(ValueError, match=r"Expected labels in 0..2"):
        keras_senet.analysis.usefulness(model, (pixels, np.array([1, 2, 3, 1])))


@pytest.fixture
def finished(tmp_path):
    """The files of a finished run."""
    history = {"loss": [1.0, 0.5], "accuracy": [0.6, 0.8]}
    history |= {f"val_{name}": values for name, values in history.items()}
    lines = [",".join(["epoch", *history])]
    lines += [
        ",".join(map(str, [n, *row])) for n, row in enumerate(zip(*history.values(), strict=True))
    ]
    (tmp_path / "history.csv").write_text("\n".join(lines))
    plot_curves(history, tmp_path / "curves.png")
    summary = {
        "model": "se_resnet20",
        "data": "folder:<b>",
        "recipe": {"name": "digits", "epochs": 2, "freeze_stages": []},
        "versions": {"keras": "3.15.1"},
        "classes": ["cat"],
    }
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    return tmp_path


def test_the_report_stands_alone(finished):
    evaluation = Evaluation(("<div>", "dog", "owl"), PAIRS, np.array([6, 4, 0]))
    path = write_report(finished, evaluation)
    page = path.read_text()
    for text in ("70.00%", "100.00%", "dog (2), owl (1)", "no images", "digits", "keras 3.15.1"):
        assert text in page
    assert "&lt;div&gt;" in page and "<div></td>" not in page and '<b>"' not in page
    assert "http" not in page and 'src="data:image/png;base64,' in page


def test_a_report_needs_the_run_files(finished):
    (finished / "curves.png").unlink()
    evaluation = Evaluation(("a",), np.array([[0, 0, 1]]), np.array([1]))
    with pytest.raises(FileNotFoundError, match=r"curves\.png"):
        write_report(finished, evaluation)
    assert not (finished / "report.html").exists()


@pytest.fixture(scope="module")
def trainable():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.125), "mse")
    return model


def fit(model, console, phases=((0, 2),)):
    progress = Progress(2, 4, console)
    data = np.ones((12, 2)), np.ones((12, 1))
    for first, last in phases:
        model.fit(
            *data,
            batch_size=4,
            initial_epoch=first,
            epochs=last,
            verbose=0,
            callbacks=[progress],
        )
    return console.file.getvalue()


@pytest.mark.parametrize("phases", [((0, 2),), ((0, 1), (1, 2))])
def test_one_line_an_epoch_outside_a_terminal(trainable, phases):
    from rich.console import Console

    lines = fit(trainable, Console(file=io.StringIO()), phases).splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    for line in lines:
        assert "loss " in line and "learning rate 0.125" in line and "images/s" in line
        assert line.endswith(" left")
    assert lines[1].endswith("0:00:00 left")


def test_a_bar_in_a_terminal(trainable):
    from rich.console import Console

    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    text = fit(trainable, console)
    assert "3/3" in text and "images/s" in text and "learning rate 0.125" in text


@pytest.mark.parametrize("parts", [1, 2])
def test_the_learning_rate_shown_is_that_of_the_last_update(parts):
    """Five updates an epoch, of parts of a batch: one epoch of warm-up, then the cosine's."""
    recipe = DIGITS.replace(epochs=2, batch_size=16, accumulation_steps=parts)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(optimizer(recipe, 5), "mse")
    images, targets = np.ones((80, 3)), np.ones((80, 2))
    shown = LearningRate(learning_rate(recipe, 5))
    history = model.fit(
        images, targets, batch_size=16 // parts, epochs=2, verbose=0, callbacks=[shown]
    ).history
    expected = 0.025 * np.array([4 / 5, (1 + np.cos(np.pi * 4 / 5)) / 2])
    np.testing.assert_allclose(history["learning_rate"], expected, rtol=1e-5)


def test_no_callback_of_a_run_makes_keras_wait_for_each_step(trainable, monkeypatch):
    """By Keras' rule for backends whose steps are asynchronous, as on JAX; on others it waits."""
    monkeypatch.setattr("keras.src.backend.IS_THREAD_SAFE", True)
    for callback in (
        Average(trainable, 0.9),
        ExactLoss(dataset=None),
        Divergence(keras.losses.CategoricalCrossentropy(), classes=2, steps_per_epoch=1),
        LearningRate(None),
        UnreadableImages({}),
        Progress(1, 1),
        Saver(None, Position(), None, Saving(), Stopping(), {}),
    ):
        callbacks = keras.callbacks.CallbackList(callbacks=[callback])
        assert callbacks._async_train and callbacks._async_test, callback
