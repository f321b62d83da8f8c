"""Normalization: zero gamma, precise statistics, freezing."""

import keras
import numpy as np
import pytest
import small

import keras_senet
from keras_senet import training
from keras_senet.training.batch_norm import (
    freeze_batch_norm,
    normalizations,
    precise_batch_norm,
    zero_gamma,
)
from keras_senet.training.model import freeze_stages

NETWORK = keras_senet.SEResNet20.replace(depths=(1, 1, 1))


def build(**options):
    keras.utils.set_random_seed(0)
    return NETWORK(input_shape=(16, 16, 3), classes=4, **options)


def value(variable):
    return np.copy(keras.ops.convert_to_numpy(variable))


def images(count, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, (count, 16, 16, 3)).astype("float32")


def targets(count):
    return np.eye(4, dtype="float32")[np.arange(count) % 4]


@pytest.mark.slow
def test_zero_gamma_makes_every_unit_its_shortcut():
    """relu(x + 0) = x in an identity unit of ReLU outputs."""
    network = keras_senet.SEResNet50.replace(depths=(2, 2, 1, 1))
    model = network(input_shape=(32, 32, 3), classes=3)
    names = zero_gamma(model)
    assert names[:2] == ["stage2_block1_conv3_bn", "stage2_block2_conv3_bn"]
    assert len(names) == 6
    unit = keras.Model(
        model.input,
        [model.get_layer(name).output for name in ("stage3_block1", "stage3_block2")],
    )
    before, after = unit.predict(np.full((1, 32, 32, 3), 200.0), verbose=0)
    np.testing.assert_array_equal(before, after)
    assert before.max() > 0


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("SEResNet34", "stage2_block1_conv2_bn"),
        ("SEPreResNet20", "stage2_block1_bn2"),
        ("MobileNetV3Small", "stage3_block2_conv3_bn"),
    ],
)
def test_last_normalization_of_other_branches(name, last):
    network = small.shallow(getattr(keras_senet, name))
    assert last in zero_gamma(network(input_shape=(64, 64, 3), classes=3))


def test_networks_without_residual_units():
    network = small.shallow(keras_senet.SEVGG16)
    with pytest.raises(ValueError, match="needs residual branches"):
        zero_gamma(network(input_shape=(32, 32, 3), classes=3))


def test_precise_statistics_are_those_of_all_images():
    """The first normalization sees the same activations in any batch: numpy over all of them."""
    model = build()
    model.get_layer("stem_conv_bn").moving_mean.assign(np.ones(16))
    batches = [images(8, seed) for seed in range(5)]
    precise_batch_norm(model, batches, count=4)
    stem = keras.Model(model.input, model.get_layer("stem_conv").output)
    seen = stem.predict(np.concatenate(batches[:4]), verbose=0).astype("float64")
    layer = model.get_layer("stem_conv_bn")
    np.testing.assert_allclose(layer.moving_mean, seen.mean((0, 1, 2)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, seen.var((0, 1, 2)), rtol=1e-4)
    assert layer.momentum == 0.9


def test_precise_statistics_of_deeper_layers():
    """One batch: normalizing with its precise statistics is normalizing with its own."""
    model = build()
    batch = images(16)
    precise_batch_norm(model, [batch], count=1)
    expected = model(batch, training=True)
    np.testing.assert_allclose(model(batch, training=False), expected, rtol=1e-4, atol=1e-6)


def test_precise_statistics_leave_the_rest_alone():
    model = build()
    before = {weight.path: value(weight) for weight in model.weights}
    freeze_stages(model, ("stage2",))
    precise_batch_norm(model, [images(8)], count=1)
    changed = [
        weight.path for weight in model.weights if (value(weight) != before[weight.path]).any()
    ]
    assert changed
    assert all("/moving_" in path and not path.startswith("stage2") for path in changed)
    with pytest.raises(ValueError, match=r"Expected 3 batches of images\. Received: 2"):
        precise_batch_norm(model, [images(8)] * 2, count=3)


def state(model):
    return {
        variable.path: value(variable)
        for layer in normalizations(model)
        for variable in layer.weights
    }


@pytest.mark.slow
def test_normalization_is_frozen_from_the_stated_epoch_on():
    """Statistics, gamma and beta move in epochs 0 and 1, not in 2 and 3; the rest goes on."""
    recipe = training.DIGITS.replace(epochs=4, batch_size=8, freeze_bn_from=2)
    model = build()
    model.compile(training.optimizer(recipe, 2), training.loss(recipe), metrics=["accuracy"])
    states, kernels = [state(model)], [value(model.get_layer("stage3_block1_conv1").kernel)]

    def remember(epoch, logs):
        states.append(state(model))
        kernels.append(value(model.get_layer("stage3_block1_conv1").kernel))

    options = {
        "verbose": 0,
        "batch_size": 8,
        "callbacks": [keras.callbacks.LambdaCallback(on_epoch_end=remember)],
    }
    model.fit(images(16), targets(16), epochs=recipe.freeze_bn_from, **options)
    velocities = {v.path: value(v) for v in model.optimizer.variables}
    freeze_batch_norm(model)
    for variable in model.optimizer.variables:
        np.testing.assert_array_equal(variable, velocities[variable.path])
    kept = {variable.path for variable in model.optimizer.variables}
    assert all("_bn_" in path for path in velocities.keys() - kept)
    model.fit(
        images(16),
        targets(16),
        epochs=recipe.epochs,
        initial_epoch=recipe.freeze_bn_from,
        **options,
    )
    assert int(model.optimizer.iterations) == 8
    for epoch, moves in enumerate([True, True, False, False]):
        before, after = states[epoch], states[epoch + 1]
        assert all((before[path] != after[path]).any() == moves for path in before), epoch
        assert (kernels[epoch] != kernels[epoch + 1]).any()


def test_frozen_statistics_normalize_while_training():
    model = build()
    freeze_batch_norm(model)
    batch = images(8)
    np.testing.assert_allclose(model(batch, training=True), model(batch), rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_frozen_stages_keep_everything():
    model = build()
    freeze_stages(model, ("stem", "stage2"))
    model.compile(training.SGD(0.1), "categorical_crossentropy")
    before = {weight.path: value(weight) for weight in model.weights}
    model.fit(images(8), targets(8), epochs=2, verbose=0)
    for weight in model.weights:
        frozen = weight.path.startswith(("stem", "stage2", "preprocessing"))
        constant = weight.path.endswith("squeeze_kernel")
        moved = (value(weight) != before[weight.path]).any()
        assert moved == (not frozen and not constant), weight.path
    with pytest.raises(
        ValueError, match=r"no stage 'stage9' to freeze\. Expected one of: stem, stage2"
    ):
        freeze_stages(model, ("stage9",))
