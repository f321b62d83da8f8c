"""The moving average of weights, against numpy."""

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet import training
from keras_senet.training.average import Average

NETWORK = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
MOMENTUM = 0.4  # reached at update 6: (1 + 6) / (10 + 6) = 0.4375


def values(variables):
    return [np.copy(keras.ops.convert_to_numpy(variable)) for variable in variables]


class Recorder(keras.callbacks.Callback):
    """Weights after each update and while validating."""

    def __init__(self):
        super().__init__()
        self.updates, self.validated = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.updates.append(values(self.model.weights))

    def on_test_batch_begin(self, batch, logs=None):
        self.validated.append(values(self.model.weights))


def trained(averaged, begin=None):
    """A run of three epochs of three steps: start, recorder, average or `None`, model."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    model = NETWORK(input_shape=(16, 16, 3), classes=4)
    model.compile(training.SGD(0.1), "categorical_crossentropy")
    data = rng.uniform(0, 255, (12, 16, 16, 3)), np.eye(4)[np.arange(12) % 4]
    if begin is not None:
        model.set_weights(begin)
    start, recorder = values(model.weights), Recorder()
    average = Average(model, MOMENTUM) if averaged else None
    model.fit(
        *data,
        batch_size=4,
        epochs=3,
        shuffle=False,
        validation_data=data,
        validation_batch_size=12,
        verbose=0,
        callbacks=[average, recorder] if averaged else [recorder],
    )
    return start, recorder, average, model


@pytest.fixture(scope="module")
def run():
    return trained(averaged=True)


def expected(start, updates):
    """The formula, in double precision."""
    averages = [value.astype("float64") for value in start]
    for step, weights in enumerate(updates, 1):
        keep = min(MOMENTUM, (1 + step) / (10 + step))
        averages = [keep * a + (1 - keep) * w for a, w in zip(averages, weights, strict=True)]
    return averages


@pytest.mark.slow
def test_all_weights_are_averaged_at_every_update(run):
    start, recorder, average, model = run
    assert len(recorder.updates) == 9
    *averages, seen = values(average.variables)
    assert seen == 9
    paths = [weight.path for weight in model.weights]
    assert "stem_conv_bn/moving_variance" in paths
    for path, value, target in zip(paths, averages, expected(start, recorder.updates), strict=True):
        np.testing.assert_allclose(value, target, rtol=1e-5, atol=1e-6, err_msg=path)


@pytest.mark.slow
def test_the_average_is_validated_and_training_goes_on_with_the_weights(run):
    start, recorder, _, _ = run
    for epoch, weights in enumerate(recorder.validated, 1):
        for value, target in zip(
            weights, expected(start, recorder.updates[: 3 * epoch]), strict=True
        ):
            np.testing.assert_allclose(value, target, rtol=1e-5, atol=1e-6)
    _, plain, _, _ = trained(averaged=False, begin=start)
    for ours, theirs in zip(recorder.updates, plain.updates, strict=True):
        for value, target in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(value, target, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_the_average_takes_the_place_of_the_weights(run):
    _, _, average, model = run
    averages = values(average.variables[:-1])
    average.assign_to_model()
    for value, weight in zip(averages, values(model.weights), strict=True):
        np.testing.assert_array_equal(value, weight)


def test_bad_momentum():
    model = NETWORK(input_shape=(16, 16, 3))
    with pytest.raises(ValueError, match=r"between 0 and 1, as 0\.9999\. Received: 1"):
        Average(model, 1)
