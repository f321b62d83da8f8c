"""What does not fit is said before the first step."""

import dataclasses

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet import layers, training
from keras_senet.training.check import check
from keras_senet.training.model import compiled_model
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
