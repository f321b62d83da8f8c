"""Progress of a run: a bar and a line for each epoch, and logs for TensorBoard."""

import logging
import pathlib
import time
import typing

import keras

from keras_senet.extras import check_installed, needed

if typing.TYPE_CHECKING:
    from rich.console import Console

logger = logging.getLogger("keras_senet")

NARROW, WIDE = 60, 110  # columns of a terminal
SHOWN = (
    "loss", "accuracy", "mean_average_precision",
    "val_loss", "val_accuracy", "val_mean_average_precision", "val_exact_match",
)  # fmt: skip


class LearningRate(keras.callbacks.Callback):
    """Adds the learning rate of an epoch's last update to its metrics.

    The optimizer's own is that of the next update: 0 at the end of a cosine.

    Args:
        schedule: The run's `Schedule`.
    """

    def __init__(self, schedule):
        super().__init__()
        self.schedule = schedule

    def on_epoch_end(self, epoch, logs=None):
        """Adds `learning_rate`."""
        assert logs is not None, "model.fit passes the metrics"
        updates = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
        batch = max(updates - 1, 0) * self.schedule.accumulation_steps
        logs["learning_rate"] = float(self.schedule(batch))


class UnreadableImages(keras.callbacks.Callback):
    """Says at the end of an epoch how many images could not be read, if there are new ones.

    Args:
        bad_images: The `BadImages` of the data set.
    """

    def __init__(self, bad_images):
        super().__init__()
        self.bad_images = bad_images
        self._said = len(bad_images)

    def on_epoch_end(self, epoch, logs=None):
        """Warns of new ones, and names the last."""
        count = len(self.bad_images)
        if count > self._said:
            self._said = count
            path = list(self.bad_images)[-1]
            logger.warning(
                "Images that cannot be read, replaced or left out so far: %d. The last one: %s: %s",
                count,
                path,
                self.bad_images[path],
            )


class Progress(keras.callbacks.Callback):
    """A live bar in a terminal, and one line for each epoch.

    The bar counts the batches of training and of validation, and shows the time left; wide
    terminals also show images per second, loss and accuracy. Where the output is not a terminal
    there are only the lines. Pass `verbose=0` to `model.fit`. On JAX, Keras calls it on another
    thread (`async_safe`), so that training does not wait for the losses it shows.

    Args:
        epochs: Epochs of the whole run, however many calls of `model.fit` it takes.
        batch_size: Images in a batch of `model.fit`.
        console: `rich.console.Console` to print on; default: standard error.
        validation_steps: Batches of a validation, `None` where that is not known.

    Raises:
        ImportError: If rich is not installed.

    Example:
        >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x, y = np.ones((128, 8)), np.ones((128, 1))
        >>> progress = Progress(3, batch_size=64)
        >>> history = model.fit(x, y, 64, epochs=3, verbose=0, callbacks=[progress])
    """

    async_safe = True

    def __init__(
        self,
        epochs: int,
        batch_size: int,
        console: "Console | None" = None,
        validation_steps: int | None = None,
    ):
        super().__init__()
        rich = needed("rich.console", "train", "The progress bar")
        self.console = console or rich.Console(stderr=True)
        self.epochs = epochs
        self.batch_size = batch_size
        self.validation_steps = validation_steps
        self._bar = None
        self._epoch = 0  # counted from 1
        self._steps = 0  # of this epoch, in this call of `fit`
        self._images, self._seconds = 0, 0.0  # of all epochs that ended
        self._start = self._end = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Starts the clock and, in a terminal, the bar."""
        self._epoch, self._steps = epoch + 1, 0
        self._start = self._end = time.perf_counter()
        self._show(f"epoch {self._epoch}/{self.epochs}", self.params.get("steps"))

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Moves the bar."""
        self._steps = max(self._steps, batch + 1)
        self._end = time.perf_counter()
        self._move(self._steps, speed=f"{self._speed():,.0f} images/s", state=_words(logs or {}))

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Replaces the bar by that of the validation."""
        if self._epoch:  # not a `model.evaluate` before any training
            self._show(f"judging {self._epoch}/{self.epochs}", self.validation_steps)

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Moves the bar of the validation."""
        self._move(batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Replaces the bar by a line."""
        self._close()
        words = [f"epoch {epoch + 1}/{self.epochs}", _words(logs or {}), self._rate(logs or {})]
        if self._steps:  # none where a run goes on with the validation of an epoch
            words.append(f"{self._speed():,.0f} images/s")
            self._images += self._steps * self.batch_size
            self._seconds += time.perf_counter() - self._start
            # At the mean time of an image, validation included, over all epochs so far.
            images = self.params.get("steps", self._steps) * self.batch_size
            left = (self.epochs - epoch - 1) * images * self._seconds / max(self._images, 1)
            words.append(f"{_clock(left)} left")
        self.console.print("  ".join(words), highlight=False, soft_wrap=True)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Removes a bar that is still there."""
        self._close()

    def _rate(self, logs):
        """The learning rate in `logs`, else that of the optimizer."""
        rate = logs.get("learning_rate")
        if rate is None:
            rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        return f"learning rate {rate:.3g}"

    def _speed(self):
        return self._steps * self.batch_size / max(self._end - self._start, 1e-9)

    def _show(self, text, total):
        self._close()
        if self.console.is_terminal:
            self._bar = _bar(self.console)
            self._bar.start()
            self._bar.add_task(text, total=total, speed="", state="")

    def _move(self, completed, **fields):
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=completed, **fields)

    def _close(self):
        if self._bar:
            self._bar.stop()
            self._bar = None


def _bar(console):
    """A bar that keeps count and time left in any width."""
    from rich import progress

    narrow, wide = console.width < NARROW, console.width >= WIDE
    columns = [
        progress.TextColumn("{task.description}"),
        progress.BarColumn(bar_width=4 if narrow else 24 if wide else 10),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(compact=narrow),
    ]
    if not narrow:
        columns.append(progress.TextColumn("{task.fields[speed]}"))
    if wide:
        columns.append(progress.TextColumn("{task.fields[state]}"))
    return progress.Progress(*columns, console=console, transient=True)


def _words(logs):
    return "  ".join(f"{name} {logs[name]:.4g}" for name in SHOWN if name in logs)


def _clock(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def tensorboard(workdir):
    """Keras' TensorBoard callback, which writes to `workdir/tensorboard`.

    It logs once an epoch, learning rate included. It makes Keras wait for the result of every step.

    Args:
        workdir: Folder of the run: `tensorboard --logdir=workdir` shows it.

    Raises:
        ImportError: If TensorBoard is not installed.
    """
    check_installed("tensorboard", "tensorboard", "Logs for TensorBoard")
    # No graph: tracing it takes long, and the model is in `model.keras`.
    return keras.callbacks.TensorBoard(pathlib.Path(workdir) / "tensorboard", write_graph=False)
