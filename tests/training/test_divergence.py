"""What counts as diverged."""

import keras
import numpy as np
import pytest

from keras_senet.training import Diverged
from keras_senet.training.divergence import PATIENCE, Divergence

WRONG, RIGHT = np.eye(2, dtype="float32")


def fit(target, validation_target, steps):
    """Twelve epochs of a model that is sure of class 1, and does not learn."""
    bias = keras.initializers.Constant([-9.0, 9.0])
    inputs = keras.Input((1,))
    outputs = keras.layers.Dense(2, "softmax", kernel_initializer="zeros", bias_initializer=bias)
    model = keras.Model(inputs, outputs(inputs))
    model.compile(keras.optimizers.SGD(0.0), "categorical_crossentropy")
    x = np.zeros((steps, 1), "float32")
    return model.fit(
        x,
        np.tile(target, (steps, 1)),
        batch_size=1,
        epochs=PATIENCE + 2,
        validation_data=(x, np.tile(validation_target, (steps, 1))),
        callbacks=[Divergence(keras.losses.CategoricalCrossentropy(), 2, steps)],
        verbose=0,
    )


@pytest.mark.at_first("3")
@pytest.mark.parametrize("steps", [3, 250])
def test_a_high_training_loss_counts(steps):
    with pytest.raises(Diverged, match=r"The loss is 1\d.* above 1\.39, twice that of a guess"):
        fit(WRONG, RIGHT, steps)


@pytest.mark.slow
@pytest.mark.parametrize("steps", [3, 250])
def test_a_high_validation_loss_does_not(steps):
    """Moving statistics lag behind in short epochs: held-out images look bad at first."""
    assert min(fit(RIGHT, WRONG, steps).history["val_loss"]) > 10
