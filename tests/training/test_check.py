"""What does not fit is said before the first step."""

import dataclasses

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet import layers, training
from keras_senet.training.check import check
from keras_senet.training.model import check_metrics, compiled_model
from keras_senet.weights.named_classes import class_names, name_classes

NETWORK = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
RECIPE = training.DIGITS


@pytest.fixture(scope="module")
def digits():
    return keras_senet.data.load("digits", image_size=16)


def relabelled(split, old, new):
    labels = np.where(split.labels == old, new, split.labels)
    return dataclasses.replace(split, labels=labels)


def test_what_fits_passes(digits):
    check(digits, RECIPE)
    check(digits, RECIPE.replace(image_size=16), replicas=2, processes=2)


@pytest.mark.parametrize("label", [10, -1])
@pytest.mark.parametrize("split", ["training", "held_out"])
def test_labels_without_a_class(label, split, digits):
    wrong = relabelled(getattr(digits, split), 3, label)
    with pytest.raises(ValueError, match=rf"labels from 0 to 9\. Its .* from {min(label, 0)} to"):
        digits.replace(**{split: wrong})


@pytest.mark.parametrize("sampling", ["uniform", "class_balanced"])
def test_an_empty_class(sampling, digits, tmp_path):
    empty = digits.replace(training=relabelled(digits.training, 3, 4))
    with pytest.raises(ValueError, match=r"1 of the 10 classes .* training images: 3\. Add"):
        training.train(NETWORK, empty, RECIPE.replace(sampling=sampling), tmp_path)
    assert not list(tmp_path.iterdir())


def test_more_classes_than_images(digits):
    names = tuple(map(str, range(5000)))
    with pytest.raises(ValueError, match=r"4990 of the 5000 classes .* 14, \.\.\.\. Add"):
        check(digits.replace(class_names=names), RECIPE)


def test_sizes(digits):
    with pytest.raises(ValueError, match="recipe trains at 160 pixels, digits delivers 16"):
        check(digits, RECIPE.replace(image_size=160))


@pytest.mark.parametrize(
    ("changes", "devices", "message"),
    [
        ({"batch_size": 4096}, {}, "larger than the 1433 training images"),
        ({"batch_size": 65}, {"replicas": 2}, "batch size that 2 devices"),
        ({"precise_bn_batches": 9}, {"processes": 2}, "need one process"),
    ],
)
def test_batches_and_devices(changes, devices, message, digits):
    with pytest.raises(ValueError, match=message):
        check(digits, RECIPE.replace(**changes), **devices)


def test_weights_of_another_network(digits, tmp_path):
    path = tmp_path / "x.weights.h5"
    NETWORK.replace(se=None)(input_shape=(16, 16, 3), classes=7).save_weights(path)
    with pytest.raises(ValueError, match="se: None in the file"):
        training.train(NETWORK, digits, RECIPE, tmp_path / "run", weights=path)
    assert not (tmp_path / "run").exists()


def test_zero_gamma_leaves_trained_weights_alone(digits, tmp_path):
    path = tmp_path / "x.weights.h5"
    trained = NETWORK(input_shape=(16, 16, 3), classes=10)
    trained.save_weights(path)
    model, fresh = (
        compiled_model(
            NETWORK,
            digits,
            RECIPE.replace(zero_gamma=True),
            weights=weights,
            precision="float32",
            steps_per_epoch=1,
        )
        for weights in (path, None)
    )
    for value, expected in zip(model.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_array_equal(value, expected)
    gammas = [weight for weight in fresh.weights if weight.path.endswith("gamma")]
    assert any(not np.asarray(keras.ops.convert_to_numpy(gamma)).any() for gamma in gammas)


@pytest.mark.at_first(every=4)
@pytest.mark.parametrize(
    "design",
    [
        keras_senet.SEConfig(),
        keras_senet.SEConfig(gate="hard_sigmoid"),
        keras_senet.SEConfig(use_bias=False),
        keras_senet.SEConfig(start=0.6),
        keras_senet.ECAConfig(),
        None,
    ],
)
def test_gates_begin_as_the_recipe_says(design, digits, tmp_path):
    """Of an image of zeros the gates are what their last bias makes them."""
    network = NETWORK.replace(se=design)
    options = {"precision": "float32", "steps_per_epoch": 1}
    recipe = RECIPE.replace(gate_start=0.9)
    model = compiled_model(network, digits, recipe, weights=None, **options)
    expected = (design.start or 0.9) if getattr(design, "use_bias", False) else 0.5
    blocks = [layer for layer in model.layers if isinstance(layer, layers.ChannelAttention)]
    assert len(blocks) == (0 if design is None else 3)
    for block in blocks:
        gates = keras.ops.convert_to_numpy(block.gates(np.zeros((1, *block.input.shape[1:]))))
        np.testing.assert_allclose(gates, expected, rtol=1e-6)
    path = tmp_path / "x.weights.h5"
    trained = network(input_shape=(16, 16, 3), classes=10)
    trained.save_weights(path)
    kept = compiled_model(network, digits, recipe, weights=path, **options)
    for value, weight in zip(kept.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_array_equal(value, weight)


def test_weights_of_as_many_other_classes_are_said(digits, tmp_path, caplog):
    """The classifier keeps them, since nothing says that they are of no use."""
    path = tmp_path / "x.weights.h5"
    trained = NETWORK(input_shape=(16, 16, 3), classes=10)
    options = {"weights": path, "precision": "float32", "steps_per_epoch": 1}
    for names, said in ((None, False), (digits.class_names, False), (tuple("abcdefghij"), True)):
        name_classes(trained, names)
        trained.save_weights(path)
        caplog.clear()
        model = compiled_model(NETWORK, digits, RECIPE, **options)
        assert ("begins with the weights of the model's classes" in caplog.text) == said
        assert class_names(model) == digits.class_names


class Own(keras.metrics.Metric):
    """A metric of a user's: how often the class `klass` is named."""

    def __init__(self, klass=0, weighted=True, name="own", **kwargs):
        super().__init__(name=name, **kwargs)
        self.klass, self.weighted = klass, weighted
        self.named = self.add_weight(name="named", initializer="zeros")
        self.all = self.add_weight(name="all", initializer="zeros")

    def update_state(self, targets, outputs, sample_weight=None):
        named = keras.ops.cast(keras.ops.argmax(outputs, -1) == self.klass, "float32")
        weight = keras.ops.ones_like(named)
        if self.weighted and sample_weight is not None:
            weight = keras.ops.reshape(sample_weight, (-1,))
        self.named.assign_add(keras.ops.sum(named * weight))
        self.all.assign_add(keras.ops.sum(weight))

    def result(self):
        return self.named / self.all

    def get_config(self):
        return {**super().get_config(), "klass": self.klass, "weighted": self.weighted}


class Forgetful(Own):
    def get_config(self):
        return keras.metrics.Metric.get_config(self)


class Narrow(keras.metrics.Mean):
    def __init__(self, name="narrow"):
        super().__init__(name=name)


GOOD = (
    keras.metrics.TopKCategoricalAccuracy(3, name="top3"),
    keras.metrics.AUC(),
    keras.metrics.Precision(class_id=1),
    keras.metrics.CategoricalCrossentropy(),
    Own(1, name="mine"),
)


@pytest.mark.parametrize("classes", [1, 2, 10, 300])
def test_metrics_that_average_by_weight_pass(classes, digits):
    good = [x for x in GOOD if classes > 3 or x.name in ("auc", "mine")]
    check_metrics(good, Labelled(tuple(map(str, range(classes))), classes == 1))


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (Own(1, weighted=False), "'own' does not average by `sample_weight`"),
        (keras.metrics.TruePositives(), "does not average by `sample_weight`"),
        (Forgetful(1), "`get_config` of class Forgetful lacks its argument 'klass'"),
        (Narrow(), "cannot be made anew"),
        (keras.metrics.SparseCategoricalAccuracy(), "does not take targets"),
        (GOOD[0], "other than each other's"),
    ],
    ids=["no weights", "counts", "forgetful", "narrow", "sparse", "twice"],
)
def test_metrics_whose_figures_would_be_wrong(metric, message, digits):
    with pytest.raises(ValueError, match=message):
        check_metrics([GOOD[0], metric], Labelled(digits.class_names, False))


@dataclasses.dataclass
class Labelled:
    """What metrics depend on of a data set."""

    class_names: tuple
    multi_label: bool
