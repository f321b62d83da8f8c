"""Runs on images with any number of labels, and on one label: yes or no."""

import csv
import json

import coloured
import keras
import numpy as np
import pytest
from sklearn import metrics as sklearn

import keras_senet
from keras_senet import data, training
from keras_senet.training.average_precision import BINS, EXTENT, average_precision
from keras_senet.training.divergence import Divergence
from keras_senet.training.early_stopping import EarlyStopping
from keras_senet.training.identity import identify
from keras_senet.training.label_evaluation import judge
from keras_senet.training.losses import label_weights
from keras_senet.training.state import Position
from keras_senet.weights.named_classes import class_names, is_multi_label

NETWORK = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
RECIPE = training.DIGITS.replace(
    epochs=2, batch_size=32, warmup_epochs=1, loss="binary_cross_entropy", ema=0.5
)
RNG = np.random.default_rng(0)


def scores_and_labels(images=200, labels=5):
    """Scores with ties, higher for images that have a label; the last label is rare."""
    has = RNG.random((images, labels)) < 0.3
    has[:, -1] = np.arange(images) == 7
    return np.round((has + RNG.normal(0, 1, has.shape)) / 5 + 0.5, 2).clip(0, 1), has


def test_average_precision_is_scikit_learns():
    scores, has = scores_and_labels()
    found = average_precision(has, scores)
    expected = sklearn.average_precision_score(has, scores, average=None)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    has[:, 0] = False
    assert np.isnan(average_precision(has, scores)[0])


def test_the_metric_is_exact_up_to_its_bins():
    """Scores in the middle of bins are those that it takes them for; weights of 0 leave out."""
    _, has = scores_and_labels()
    bins = np.clip(RNG.normal(BINS / 2, 20, has.shape) + 20 * has, 0, BINS - 1).astype(int)
    scores = 1 / (1 + np.exp(EXTENT - (bins + 0.5) * 2 * EXTENT / BINS))
    metric = training.MeanAveragePrecision(has.shape[1])
    for begin in range(0, 160, 40):
        part = slice(begin, begin + 40)
        metric.update_state(has[part].astype("float32"), scores[part], np.full(40, 1.5))
    metric.update_state(np.ones((40, 5)), np.ones((40, 5)), np.zeros(40))
    expected = sklearn.average_precision_score(has[:160], bins[:160])
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)
    metric.reset_state()
    absent = np.zeros((40, 5))
    absent[0, 0] = 1  # the others have no image, and are left out of the mean
    metric.update_state(absent, scores[:40])
    one = sklearn.average_precision_score(absent[:, 0], bins[:40, 0])
    assert float(metric.result()) == pytest.approx(one, rel=1e-5)


def test_figures_are_scikit_learns():
    scores, has = scores_and_labels()
    found = judge(tuple("abcde"), has.astype(int), scores, {}, None)
    said = scores > 0.5
    precision, recall, f1, images = sklearn.precision_recall_fscore_support(has, said)
    np.testing.assert_allclose(found.precision, precision)
    np.testing.assert_allclose(found.recall, recall)
    np.testing.assert_allclose(found.f1, f1)
    np.testing.assert_array_equal(found.label_images, images)
    assert found.exact_match == sklearn.accuracy_score(has, said)
    assert found.mean_average_precision == sklearn.average_precision_score(has, scores)
    scores[:, 1], has[:, 0] = 0, False
    found = judge(tuple("abcde"), has.astype(int), scores, {}, None)
    first, second = found.labels()[:2]
    assert first["recall"] is None and first["average_precision"] is None
    assert second["precision"] is None and second["recall"] == 0
    assert found.mean_average_precision == np.nanmean(found.average_precision)
    assert json.loads(json.dumps(found.summary()))["labels"][0] == first
    assert str(found).count("none") == 3


def test_the_loss_is_the_mean_binary_cross_entropy():
    targets = (RNG.random((8, 3)) < 0.4).astype("float32")
    scores = RNG.uniform(0.05, 0.95, (8, 3)).astype("float32")
    for smoothing in (0.0, 0.2):
        expected = keras.losses.BinaryCrossentropy(label_smoothing=smoothing)(targets, scores)
        found = training.PresentLabels(label_smoothing=smoothing)(targets, scores)
        assert float(found) == pytest.approx(float(expected), rel=1e-5)
    weights = np.array([3.0, 1.0, 0.5])
    each = -(weights * targets * np.log(scores) + (1 - targets) * np.log(1 - scores))
    found = training.PresentLabels(weights, np.ones(3))(targets, scores)
    assert float(found) == pytest.approx(each.mean(), rel=1e-5)
    # A share of a mixed image counts as the label, as in RSB.
    assert float(training.PresentLabels()(0.3 * targets, scores)) == pytest.approx(
        float(training.PresentLabels()(targets, scores))
    )


def test_class_weights_are_those_of_present_labels():
    """Balanced: with and without a label count as much; the mean over all decisions is 1."""
    labels = np.zeros((10, 2), "int32")
    labels[:2, 0] = labels[:5, 1] = 1
    recipe = RECIPE.replace(class_weights="balanced")
    present, absent = label_weights(recipe, labels)
    np.testing.assert_allclose(present * labels.sum(0), absent * (1 - labels).sum(0))
    assert (present * labels + absent * (1 - labels)).mean() == pytest.approx(1)
    present, absent = label_weights(RECIPE.replace(class_weights=(5.0, 2.0)), labels)
    np.testing.assert_allclose(present / absent, [5, 2])
    with pytest.raises(ValueError, match=r"a number for each of 2 labels. Received: 3 numbers"):
        training.loss(RECIPE.replace(class_weights=(1.0, 2.0, 3.0)), labels, 2)
    loss = training.loss(recipe, labels, 2)
    copy = keras.losses.deserialize(keras.losses.serialize(loss))
    np.testing.assert_allclose(copy.present_weights, loss.present_weights)
    # A guess loses ln 2 with any weights.
    guessed = loss(labels.astype("float32"), np.full((10, 2), 0.5, "float32"))
    assert float(guessed) == pytest.approx(np.log(2), rel=1e-5)
    assert Divergence(loss, 2, 100).limit == pytest.approx(2 * np.log(2))
    assert Divergence(loss, 1, 100).limit > 0


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set") / "coloured"
    return data.load(f"csv:{coloured.write(folder, 300)}", image_size=32)


@pytest.fixture(scope="module")
def result(dataset, tmp_path_factory):
    keras.utils.set_random_seed(0)
    workdir = tmp_path_factory.mktemp("run")
    return training.train(NETWORK, dataset.replace(test=dataset.held_out), RECIPE, workdir)


@pytest.mark.slow
def test_a_run_learns_and_says_what_it_is_judged_by(result, dataset):
    assert result.mean_average_precision > 0.9
    summary = json.loads((result.workdir / "summary.json").read_text())
    assert summary["held_out_mean_average_precision"] == result.mean_average_precision
    assert summary["held_out_exact_match"] == result.accuracy
    assert not [name for name in summary if "accuracy" in name]
    assert [row["label"] for row in summary["labels"]] == ["disc", "square"]
    assert {"average_precision", "precision", "recall", "f1"} <= summary["labels"][0].keys()
    assert summary["test_labels"] == summary["labels"]
    with open(result.workdir / "history.csv") as file:
        rows = list(csv.DictReader(file))
    assert not [name for name in rows[0] if "accuracy" in name]
    best = max(rows, key=lambda row: float(row["val_mean_average_precision"]))
    assert summary["best_epoch"] == int(best["epoch"])
    assert float(rows[-1]["val_exact_match"]) == pytest.approx(result.accuracy, abs=1e-6)
    judged = float(rows[-1]["val_mean_average_precision"])
    assert judged == pytest.approx(result.mean_average_precision, abs=0.01)
    assert "val_raw_mean_average_precision" in rows[0]
    for name in ("best.keras", "curves.png", "model.keras"):
        assert (result.workdir / name).exists()
    report = (result.workdir / "report.html").read_text()
    for words in ("mean average precision", "exact match", "<td>square</td>", "f1"):
        assert words in report
    assert "top-1" not in report and "taken for" not in report


@pytest.mark.slow
def test_figures_are_those_of_the_outputs(result, dataset):
    images, labels = dataset.held_out_arrays()
    scores = result.model.predict(images, verbose=0)
    found = training.evaluate(result.model, dataset, 16)
    np.testing.assert_allclose(
        found.average_precision, sklearn.average_precision_score(labels, scores, average=None)
    )
    assert found.exact_match == result.accuracy
    assert found.exact_match == np.mean(((scores > 0.5) == labels).all(-1))


@pytest.mark.slow
def test_the_model_says_what_it_was_trained_for(result, dataset, tmp_path):
    path = result.workdir / "model.keras"
    model = keras.models.load_model(path)
    assert is_multi_label(model) and class_names(model) == ("disc", "square")
    # A softmax in place of its sigmoids would make one class of them.
    with pytest.raises(ValueError, match="any number, and a softmax"):
        NETWORK(weights=path)
    for activation in ("sigmoid", None):
        again = NETWORK(weights=path, classifier_activation=activation)
        assert is_multi_label(again)
    model.save_weights(tmp_path / "x.weights.h5")
    with pytest.raises(ValueError, match="any number, and a softmax"):
        NETWORK(weights=tmp_path / "x.weights.h5", classes=2)
    # With another classifier it is another network.
    assert not is_multi_label(NETWORK(weights=path, classes=3))


@pytest.mark.slow
def test_data_of_another_kind_are_refused(result, dataset):
    images, labels = dataset.held_out_arrays()
    single = data.Split(images, labels[:, 0])
    of_classes = data.Dataset("classes", ("disc", "square"), 32, single, single)
    with pytest.raises(ValueError, match="any number; images of classes have one class"):
        training.evaluate(result.model, of_classes, 16)
    softmax = NETWORK(classes=2, input_shape=(32, 32, 3))
    with pytest.raises(ValueError, match=r"a sigmoid for each. The model ends in softmax"):
        training.evaluate(softmax, dataset, 16)
    logits = NETWORK(classes=2, input_shape=(32, 32, 3), classifier_activation=None)
    with pytest.raises(ValueError, match="The model ends in linear"):
        training.evaluate(logits, dataset, 16)
    from keras_senet.weights.named_classes import name_classes

    sigmoid = NETWORK(classes=2, input_shape=(32, 32, 3), classifier_activation="sigmoid")
    name_classes(sigmoid, dataset.class_names)
    with pytest.raises(ValueError, match="trained on one class an image"):
        training.evaluate(sigmoid, dataset, 16)


def test_recipes_of_one_class_an_image_are_refused(dataset, tmp_path):
    for changes, sentence in (
        ({"loss": "cross_entropy"}, "Field `loss` must be 'binary_cross_entropy'"),
        ({"sampling": "class_balanced"}, "Field `sampling` must be 'uniform'"),
        ({"class_weights": (1.0,)}, "a number for each of 2 labels"),
    ):
        with pytest.raises(ValueError, match=sentence):
            training.train(NETWORK, dataset, RECIPE.replace(**changes), tmp_path)
    images = np.full((40, 32, 32, 3), 9, "uint8")
    always = data.Split(images, np.ones((40, 1)), multi_label=True)
    one = data.Dataset("always", ("cat",), 32, always, always)
    with pytest.raises(ValueError, match="no image without the label 'cat'"):
        training.train(NETWORK, one, RECIPE, tmp_path)
    with pytest.raises(ValueError, match="names other than"):
        metric = keras.metrics.BinaryAccuracy(name="exact_match")
        training.train(NETWORK, dataset, RECIPE, tmp_path, metrics=[metric])


def test_a_softmax_over_one_class_is_refused():
    with pytest.raises(ValueError, match="1 for every image"):
        NETWORK(classes=1)
    assert NETWORK(classes=1, classifier_activation=None).output_shape == (None, 1)


@pytest.mark.slow
def test_a_run_of_one_label_goes_on_with_frozen_normalization(tmp_path):
    """Yes or no; loss and metrics are compiled again when normalization is frozen."""
    path = coloured.write(tmp_path / "set", 100, names=("disc",))
    binary = data.load(f"csv:{path}", image_size=32)
    recipe = RECIPE.replace(
        epochs=2, freeze_bn_from=1, class_weights="balanced", label_smoothing=0.1, ema=0.0
    )
    result = training.train(NETWORK, binary, recipe, tmp_path / "run")
    assert result.model.output_shape == (None, 1)
    assert 0 < result.mean_average_precision <= 1
    again = training.train(NETWORK, binary, recipe, tmp_path / "run")
    assert again.mean_average_precision == result.mean_average_precision


def test_identity_knows_all_labels(dataset, tmp_path):
    """Two images that exchange one label are another data set; so are labels of another order."""

    def of(changed):
        return identify(NETWORK, changed, RECIPE, None, "float32", 0)

    labels = dataset.training.labels.copy()
    first, second = np.flatnonzero(labels[:, 0] == 0)[0], np.flatnonzero(labels[:, 0] == 1)[0]
    labels[[first, second], 0] = [1, 0]
    split = data.Split(dataset.training.items, labels, multi_label=True)
    ours, other = of(dataset), of(dataset.replace(training=split))
    assert ours.description["data"]["multi_label"]
    ours.write_images(tmp_path)
    ours.check(ours.description, tmp_path / "checkpoints")
    names = sorted(name.rsplit("/")[-1] for name in dataset.training.items[[first, second]])
    with pytest.raises(ValueError, match=f"images have another split or label: {names[0]}, "):
        other.check(ours.description, tmp_path / "checkpoints")
    # Runs of earlier versions lack it.
    assert "multi_label" not in of(data.load("digits")).description["data"]


def test_early_stopping_goes_by_mean_average_precision():
    rows = [{"val_mean_average_precision": figure} for figure in (0.5, 0.9, 0.8)]
    for patience, stops in ((2, True), (3, False)):
        stopping = EarlyStopping(Position(rows=rows), patience, "mean_average_precision")
        model = keras.Sequential()
        stopping.set_model(model)
        model.stop_training = False
        stopping.on_epoch_end(3, {"val_mean_average_precision": 0.85})
        assert model.stop_training is stops


@pytest.mark.slow
def test_mixing_and_mixed_precision_take_a_step(dataset, tmp_path):
    recipe = RECIPE.replace(
        epochs=1, ema=0.0, augmentation=data.NONE.replace(mixup=0.2, cutmix=1.0), repeats=2
    )
    result = training.train(NETWORK, dataset, recipe, tmp_path, precision="bfloat16")
    assert np.isfinite(result.mean_average_precision)
