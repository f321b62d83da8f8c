"""What a run takes beside its recipe, and what it leaves: callbacks, metrics, the best epoch."""

import copy
import csv

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet import training
from keras_senet.training.divergence import Divergence
from keras_senet.training.early_stopping import EarlyStopping
from keras_senet.training.identity import identify
from keras_senet.training.model import compiled_model
from keras_senet.training.state import Position

NETWORK = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
RECIPE = training.DIGITS.replace(epochs=3, batch_size=256, ema=0.8)
DIGITS = keras_senet.data.load("digits", image_size=16)


class Counter(keras.callbacks.Callback):
    """Counts epochs in a variable, which a run saves."""

    def __init__(self, stop_after=None):
        super().__init__()
        self.epochs = keras.Variable(0, dtype="int32", trainable=False)
        self.variables = [self.epochs]
        self.stop_after = stop_after

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.assign(self.epochs + 1)
        self.model.stop_training = self.stop_after == epoch + 1


def rows(workdir):
    with open(workdir / "history.csv") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    keras.utils.set_random_seed(0)
    workdir, counter = tmp_path_factory.mktemp("run"), Counter()
    metrics = [keras.metrics.TopKCategoricalAccuracy(3, name="top3")]
    result = training.train(NETWORK, DIGITS, RECIPE, workdir, callbacks=[counter], metrics=metrics)
    return result, counter


@pytest.mark.slow
def test_callbacks_and_metrics_are_those_of_the_run(finished):
    result, counter = finished
    assert int(counter.epochs) == 3
    found = rows(result.workdir)
    assert len(found) == 3
    for row in found:
        for name in ("top3", "val_top3"):
            assert 0 < float(row[name]) <= 1
        assert float(row["val_top3"]) >= float(row["val_accuracy"])


@pytest.mark.slow
def test_raw_metrics_stand_beside_those_of_the_average(finished):
    """The last epoch's average is the model; the weights themselves are judged too."""
    result, _ = finished
    last = rows(result.workdir)[-1]
    assert float(last["val_accuracy"]) == pytest.approx(result.accuracy)
    assert float(last["val_raw_loss"]) != pytest.approx(float(last["val_loss"]), rel=1e-3)
    arrays = training.checkpoints.read_checkpoint(
        sorted((result.workdir / "checkpoints").glob("*.npz"))[-1]
    )[1]
    model = keras.models.clone_model(result.model)
    for number, variable in enumerate(model.variables):
        variable.assign(arrays[f"model/{number}"])
    images, labels = DIGITS.held_out_arrays()
    outputs = model.predict(images, verbose=0)
    # Keras takes no probability to be below its epsilon, but on TensorFlow finds the logits.
    least = 0 if keras.backend.backend() == "tensorflow" else keras.config.epsilon()
    of_labels = outputs[np.arange(len(labels)), labels].clip(least)
    loss = -np.log(of_labels).mean()
    assert float(last["val_raw_accuracy"]) == pytest.approx((outputs.argmax(-1) == labels).mean())
    assert float(last["val_raw_loss"]) == pytest.approx(loss, rel=1e-3)


@pytest.mark.slow
def test_the_best_epoch_is_kept(finished):
    result, _ = finished
    images, labels = DIGITS.held_out_arrays()
    best = keras.models.load_model(result.workdir / "best.keras")
    accuracy = (best.predict(images, verbose=0).argmax(-1) == labels).mean()
    assert accuracy == pytest.approx(
        max(float(row["val_accuracy"]) for row in rows(result.workdir))
    )
    assert [layer.name for layer in best.layers] == [x.name for x in result.model.layers]


@pytest.mark.slow
def test_the_best_epoch_may_be_an_earlier_one(tmp_path):
    """The last one takes each class for the next, surely; the run's own model is left so."""

    class Spoiler(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                kernel = self.model.get_layer("head").kernel
                kernel.assign(30 * keras.ops.roll(kernel, 1, axis=1))

    recipe = training.DIGITS.replace(
        epochs=3, warmup_epochs=0, learning_rate=0.02, schedule="step", drops=(2,)
    )
    result = training.train(NETWORK, DIGITS, recipe, tmp_path, callbacks=[Spoiler()])
    accuracies = [float(row["val_accuracy"]) for row in rows(tmp_path)]
    assert max(accuracies) > accuracies[2] + 0.05
    assert accuracies[2] == pytest.approx(result.accuracy)
    images, labels = DIGITS.held_out_arrays()
    for file, accuracy in (("best.keras", max(accuracies)), ("model.keras", accuracies[2])):
        model = keras.models.load_model(tmp_path / file)
        found = (model.predict(images, verbose=0).argmax(-1) == labels).mean()
        assert found == pytest.approx(accuracy)


@pytest.mark.slow
def test_a_callback_may_end_the_run_and_its_variables_are_saved(tmp_path):
    counter = Counter(stop_after=2)
    recipe = RECIPE.replace(epochs=4, ema=0.0)
    training.train(NETWORK, DIGITS, recipe, tmp_path, callbacks=[counter])
    assert len(rows(tmp_path)) == 2
    again = Counter()
    result = training.train(NETWORK, DIGITS, recipe, tmp_path, callbacks=[again])
    assert len(rows(tmp_path)) == 2, "a run that was ended is not trained again"
    assert int(again.epochs) == 2 and result.accuracy > 0


@pytest.mark.parametrize(
    ("accuracies", "patience", "stops"),
    [
        ([0.5], 1, False),
        ([0.5, 0.5], 1, True),
        ([0.5, 0.6, 0.5], 2, False),
        ([0.5, 0.6, 0.5, 0.6], 2, True),
        ([0.5, 0.6, 0.5, 0.61], 2, False),
    ],
)
def test_patience_counts_epochs_since_the_best(accuracies, patience, stops):
    *before, now = accuracies
    position = Position(rows=[{"val_accuracy": accuracy} for accuracy in before])
    stopping, model = EarlyStopping(position, patience), keras.Sequential()
    model.stop_training = False
    stopping.set_model(model)
    stopping.on_epoch_end(len(before), {"val_accuracy": now})
    assert model.stop_training is stops


def test_bad_metrics():
    for metrics, message in (
        (["auc"], "`metrics` must be a list of Keras metrics"),
        (keras.metrics.AUC(), "`metrics` must be a list of Keras metrics"),
        ([keras.metrics.CategoricalAccuracy(name="accuracy")], "names other than"),
        ([keras.metrics.AUC(name="a"), keras.metrics.Precision(name="a")], "Received: 'a'"),
    ):
        with pytest.raises(ValueError, match=message):
            training.train(NETWORK, DIGITS, RECIPE, "unused", metrics=metrics)


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        (
            "architecture",
            "SEResNet20",
            "must be an architecture.*'SEResNet20' of type str",
        ),
        ("architecture", keras.applications.MobileNetV2, "must be an architecture"),
        ("architecture", keras.Sequential(), "must be an architecture.*It is called by `train`"),
        ("dataset", "digits", "must be a Dataset, such as keras_senet.data.load"),
        ("recipe", "digits", "must be a Recipe"),
        ("saving", 100, "must be a Saving"),
        ("callbacks", keras.callbacks.TerminateOnNaN(), "must be a list of Keras callbacks"),
        ("callbacks", [keras.callbacks.TerminateOnNaN], "must be a list of Keras callbacks"),
        (
            "callbacks",
            [keras.callbacks.ReduceLROnPlateau()],
            "must leave the learning rate .*Received: ReduceLROnPlateau",
        ),
        (
            "callbacks",
            [keras.callbacks.LearningRateScheduler(float)],
            "must leave the learning rate",
        ),
    ],
)
def test_what_train_takes(argument, value, message, tmp_path):
    arguments = {"architecture": NETWORK, "dataset": DIGITS, "recipe": RECIPE}
    with pytest.raises(ValueError, match=f"`{argument}` {message}"):
        training.train(**{**arguments, "workdir": tmp_path / "run", argument: value})
    assert not (tmp_path / "run").exists()


def test_the_recipes_stochastic_depth_is_the_networks():
    options = {"weights": None, "precision": "float32", "steps_per_epoch": 5}
    recipe = RECIPE.replace(stochastic_depth=0.3)
    model = compiled_model(NETWORK, DIGITS, recipe, **options)
    rates = [layer.rate for layer in model.layers if layer.name.endswith("_drop")]
    assert rates == pytest.approx([0.15, 0.3])  # of three units, the first is never dropped
    own = compiled_model(NETWORK, DIGITS, RECIPE, **options)
    assert not [layer for layer in own.layers if layer.name.endswith("_drop")]
    with pytest.raises(ValueError, match="`stochastic_depth` must be 0"):
        compiled_model(keras_senet.SEVGG16, DIGITS, recipe, **options)


def test_weights_of_classes_leave_the_limit_of_divergence_alone():
    labels = np.repeat([0, 1], [99, 1])
    recipe = RECIPE.replace(class_weights="balanced")
    limits = [
        Divergence(loss, 2, 5).limit
        for loss in (training.loss(RECIPE), training.loss(recipe, labels, 2))
    ]
    np.testing.assert_allclose(limits, 2 * np.log(2), rtol=1e-5)


def test_checkpoints_of_before_a_field_existed_go_on(tmp_path):
    recipe = training.PAPER.replace(batch_size=256)
    now = identify(NETWORK, DIGITS, recipe, None, "float32", 0)
    before = copy.deepcopy(now.description)
    for field in ("patience", "class_weights", "stochastic_depth", "repeats"):
        del before["recipe"][field]
    for field in ("rand_probability", "magnitude_std"):
        del before["recipe"]["augmentation"][field]
    del before["data"]["division"]
    now.check(before, tmp_path / "checkpoints")
    now.description["recipe"]["repeats"] = 3
    with pytest.raises(ValueError, match=r"recipe\.repeats was 1 and is 3"):
        now.check(before, tmp_path / "checkpoints")
