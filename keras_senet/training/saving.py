"""When a run saves its state: after steps, seconds and epochs, and on SIGTERM or Ctrl-C."""

import dataclasses
import time
import warnings

import keras

from keras_senet.training.results import write_history


@dataclasses.dataclass(frozen=True, kw_only=True)
class Saving:
    """When a run saves checkpoints, besides the end of every epoch, and how many it keeps.

    Attributes:
        steps: Steps from one checkpoint to the next, or `None`.
        seconds: Seconds from one checkpoint to the next, or `None`.
        keep: How many of the last checkpoints are kept, besides the one with the best accuracy.
        tensorboard: Whether to write logs for TensorBoard.
    """

    steps: int | None = None
    seconds: float | None = 600.0
    keep: int = 3
    tensorboard: bool = False

    def __post_init__(self):
        for field in ("steps", "seconds", "keep"):
            value = getattr(self, field)
            if value is not None and value <= 0:
                raise ValueError(f"Field `{field}` must be greater than 0. Received: {value}")


class Saver(keras.callbacks.Callback):
    """Saves the state of a run, writes `history.csv`, and leaves after SIGTERM or Ctrl-C.

    The state is saved before the validation and after it, so that neither costs the other. Put it
    after callbacks that change the metrics of an epoch, and before those that change the weights
    for the validation, as `Average` does.

    Args:
        state: The run's `State`.
        position: Its `Position`, which this callback updates.
        checkpoints: `Checkpoints`, or `None` on a process that does not write.
        saving: A `Saving`.
        stopping: An active `Stopping`.
        facts: Further facts for every checkpoint.
        judged: Name of the figure that the best epoch has most of, see `judged_by`.
    """

    def __init__(self, state, position, checkpoints, saving, stopping, facts, judged="accuracy"):
        super().__init__()
        self.state = state
        self.position = position
        self.checkpoints = checkpoints
        self.saving = saving
        self.stopping = stopping
        self.facts = facts
        self.judged = f"val_{judged}"
        self.metrics = None  # arrays of an interrupted epoch
        self._begin = position.step
        self._batches = 0
        self._saved = (position.step, time.monotonic())
        stopping.saved_step = position.step
        self._clock = time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        """Restores the metrics of an interrupted epoch."""
        self._begin, self._batches = self.position.step, 0
        if self.metrics is not None:
            self.state.restore(self.metrics, only="metrics")
            self.metrics = None

    # At the beginning of a step, since Keras waits for a step before callbacks at its end.
    def on_train_batch_begin(self, batch, logs=None):
        """Saves if it is time; after SIGTERM or Ctrl-C saves and leaves."""
        self._batches = batch + 1
        self.position.step = self._begin + batch
        self.stopping.deferred = self.position.step > self.stopping.saved_step
        number = self.stopping.noticed()
        if number is not None:
            self.save()
            self.stopping.leave(number)
        step, moment = self._saved
        steps, seconds = self.saving.steps, self.saving.seconds
        if (steps and self.position.step - step >= steps) or (
            seconds and time.monotonic() - moment >= seconds
        ):
            self.save()

    def on_test_begin(self, logs=None):
        """Saves when the last training step of an epoch is done, before its validation."""
        self.position.step = self._begin + self._batches
        if self.position.step > self._saved[0]:
            self.save()
        # Validation changes nothing that could be saved.
        self.stopping.deferred = False
        self._leave_if_noticed()

    def on_test_batch_begin(self, batch, logs=None):
        """Leaves in the validation after a signal."""
        self._leave_if_noticed()

    def on_epoch_end(self, epoch, logs=None):
        """Logs the epoch and saves."""
        self.position.step = self._begin + self._batches  # all, if no callback has stopped it
        self.position.stopped = self.model.stop_training
        row = {"epoch": epoch + 1, **(logs or {})}
        rows = self.position.rows
        if all(row[self.judged] > past[self.judged] for past in rows):
            self.position.best_step = self.position.step
        rows.append(row)
        self.save()
        if self.checkpoints is not None:
            self._log(rows)

    def save(self):
        """Writes a checkpoint of this moment; returns whether that went well."""
        now = time.monotonic()
        self.position.seconds += now - self._clock
        self._clock = now
        self._saved = (self.position.step, now)
        if self.checkpoints is None:
            return True
        facts = {**dataclasses.asdict(self.position), **self.facts}
        arrays = self.state.arrays()
        done = self.checkpoints.save(self.position.step, facts, arrays, self.position.best_step)
        if done:
            self.stopping.saved_step = self.position.step
        return done

    def _log(self, rows):
        try:
            write_history(rows, self.checkpoints.folder.parent / "history.csv")
        except OSError as error:  # the checkpoint has the rows too
            warnings.warn(f"history.csv could not be written: {error}", stacklevel=2)

    def _leave_if_noticed(self):
        number = self.stopping.noticed()
        if number is not None:
            self.stopping.leave(number)
