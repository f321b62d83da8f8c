"""Divergence: noticed early, before it costs days."""

import math

import keras
import numpy as np

from keras_senet.training.losses import PresentLabels, WeightedClasses

WINDOW = 100  # steps over which the loss is averaged
PATIENCE = 10  # windows of high loss in a row that end the run
HIGH = 2.0  # times the loss of a uniform guess


class Diverged(ArithmeticError):
    """Raised when a run has diverged: weights or loss are not finite, or the loss stays high."""


class Divergence(keras.callbacks.Callback):
    """Raises `Diverged` when the loss is not finite, or stays high.

    The loss stays high if its means over 100 steps exceed twice the loss of a uniform guess (ln K
    for cross-entropy over K classes, ln 2 for any number of labels) ten times in a row. Moving
    statistics that are not finite raise it too: they spoil every prediction while the training loss
    looks sound.

    Args:
        loss: The loss function, targets `(N, K)` and outputs `(N, K)` to a number.
        classes: Number of classes, K.
        steps_per_epoch: Steps in an epoch; one of fewer than 100 steps is averaged whole.
    """

    def __init__(self, loss, classes, steps_per_epoch):
        super().__init__()
        self.limit = HIGH * _of_guess(loss, classes)
        self.steps_per_epoch = steps_per_epoch
        self.window = min(WINDOW, steps_per_epoch)
        self.high = 0
        self._seen = (0.0, 0.0)

    def on_epoch_begin(self, epoch, logs=None):
        """Notes the sum of losses so far, which is not 0 in an epoch that is resumed."""
        self._seen = self._total_and_count()

    def on_train_batch_begin(self, batch, logs=None):
        """Checks the mean loss since the last check."""
        if batch and batch % self.window == 0:
            total, count = self._total_and_count()
            mean = (total - self._seen[0]) / (count - self._seen[1])
            self._seen = (total, count)
            self._judge(mean, f"before step {batch} of the epoch")

    def on_epoch_end(self, epoch, logs=None):
        """Checks the loss of a short epoch, and the moving statistics."""
        assert logs is not None, "model.fit passes the loss"
        # By now the model's own metrics are those of the validation.
        loss = logs["loss"]
        if self.window == self.steps_per_epoch or not math.isfinite(loss):
            self._judge(loss, f"in epoch {epoch}")
        for variable in self.model.non_trainable_variables:
            if not np.isfinite(keras.ops.convert_to_numpy(keras.ops.copy(variable))).all():
                raise Diverged(f"{variable.path} is not finite in epoch {epoch}.")

    def _judge(self, mean, when):
        if not math.isfinite(mean):
            raise Diverged(f"The loss is {mean} {when}.")
        self.high = self.high + 1 if mean > self.limit else 0
        if self.high >= PATIENCE:
            raise Diverged(
                f"The loss is {mean:.3g} {when} and has been above {self.limit:.3g}, twice that of "
                f"a guess, for {self.high * self.window} steps."
            )

    def _total_and_count(self):
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        tracker = self.model.metrics[0]  # the loss comes first
        return tuple(
            float(keras.ops.convert_to_numpy(keras.ops.copy(v))) for v in tracker.variables
        )


def _of_guess(loss, classes):
    """The loss of a uniform guess; weights of classes and labels have a mean of 1."""
    if isinstance(loss, PresentLabels):
        return math.log(2)
    guess = np.full((1, classes), 1 / classes, "float32")
    target = np.zeros((1, classes), "float32")
    target[0, 0] = 1
    plain = loss.loss if isinstance(loss, WeightedClasses) else loss
    return float(plain(target, guess))
