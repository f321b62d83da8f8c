"""When a run saves its state: after steps, seconds and epochs, and on SIGTERM."""

import dataclasses
import signal
import threading
import time
import warnings

import keras

from keras_senet.training.results import write_history

EXIT_CODE = 75  # EX_TEMPFAIL of sysexits.h: run the same command again


class Preempted(SystemExit):
    """Raised after SIGTERM, once the state is saved; uncaught, the process exits with 75."""

    def __init__(self):
        super().__init__(EXIT_CODE)


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


class Preemption:
    """Notices SIGTERM while its `with` block runs.

    If one of several JAX processes is signalled, all of them notice it at the same step.
    """

    def __init__(self, processes=1):
        self._distributed = processes > 1
        self._signalled = False
        self._before = None

    def __enter__(self):
        # JAX has its own handler; Python allows handlers in the main thread only.
        if not self._distributed and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._notice)
        return self

    def __exit__(self, *_):
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def _notice(self, *_):
        self._signalled = True

    def noticed(self, step):
        """Whether to stop at this step; every process must call it at every step.

        Args:
            step: Steps done, the same number on all processes.
        """
        if self._distributed and keras.backend.backend() == "jax":
            from jax.experimental import multihost_utils

            return multihost_utils.reached_preemption_sync_point(step)
        return self._signalled


class Saver(keras.callbacks.Callback):
    """Saves the state of a run, writes `history.csv`, and raises `Preempted` after SIGTERM.

    Args:
        state: The run's `State`.
        position: Its `Position`, which this callback updates.
        checkpoints: `Checkpoints`, or `None` on a process that does not write.
        saving: A `Saving`.
        preemption: An active `Preemption`.
        facts: Further facts for every checkpoint.
    """

    def __init__(self, state, position, checkpoints, saving, preemption, facts):
        super().__init__()
        self.state = state
        self.position = position
        self.checkpoints = checkpoints
        self.saving = saving
        self.preemption = preemption
        self.facts = facts
        self.metrics = None  # arrays of an interrupted epoch
        self._begin = position.step
        self._batches = 0
        self._saved = (position.step, time.monotonic())
        self._clock = time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        """Restores the metrics of an interrupted epoch."""
        self._begin = self.position.step
        if self.metrics is not None:
            self.state.restore(self.metrics, only="metrics")
            self.metrics = None

    # At the beginning of a step, since Keras waits for a step before callbacks at its end.
    def on_train_batch_begin(self, batch, logs=None):
        """Saves if it is time; after SIGTERM saves and stops."""
        self._batches = batch + 1
        self.position.step = self._begin + batch
        if self.preemption.noticed(self.position.step):
            self._leave()
        step, moment = self._saved
        steps, seconds = self.saving.steps, self.saving.seconds
        if (steps and self.position.step - step >= steps) or (
            seconds and time.monotonic() - moment >= seconds
        ):
            self.save()

    def on_epoch_end(self, epoch, logs=None):
        """Logs the epoch and saves."""
        self.position.step = self._begin + self._batches  # all, if no callback has stopped it
        self.position.stopped = self.model.stop_training
        row = {"epoch": epoch, **(logs or {})}
        row["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        rows = self.position.rows
        if all(row["val_accuracy"] > past["val_accuracy"] for past in rows):
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
        return self.checkpoints.save(self.position.step, facts, arrays, self.position.best_step)

    def _log(self, rows):
        try:
            write_history(rows, self.checkpoints.folder.parent / "history.csv")
        except OSError as error:  # the checkpoint has the rows too
            warnings.warn(f"history.csv could not be written: {error}", stacklevel=2)

    def _leave(self):
        if self.save():
            print(f"SIGTERM: saved step {self.position.step}. The same command goes on from there.")
        raise Preempted
