"""Progress of a run: a bar and a line for each epoch, and logs for TensorBoard."""

import pathlib
import time
import typing

import keras

if typing.TYPE_CHECKING:
    from rich.console import Console

SHOWN = ("loss", "accuracy", "val_loss", "val_accuracy")


class Progress(keras.callbacks.Callback):
    """A live bar in a terminal, and one line for each epoch.

    The bar shows images per second, time left, learning rate, loss and accuracy. Where the output
    is not a terminal there are only the lines. Pass `verbose=0` to `model.fit`. On JAX, Keras calls
    it on another thread (`async_safe`), so that training does not wait for the losses it shows.

    Args:
        epochs: Epochs of the whole run, however many calls of `model.fit` it takes.
        batch_size: Images in a batch of `model.fit`.
        console: `rich.console.Console` to print on; default: standard error.

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

    def __init__(self, epochs: int, batch_size: int, console: "Console | None" = None):
        super().__init__()
        try:
            from rich.console import Console
        except ImportError as error:
            raise ImportError("The progress bar needs rich: pip install rich") from error
        self.console = console or Console(stderr=True)
        self.epochs = epochs
        self.batch_size = batch_size
        self._bar = None
        self._steps = 0  # of this epoch, in this call of `fit`
        self._images, self._seconds = 0, 0.0  # of all epochs that ended
        self._start = self._end = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Starts the clock and, in a terminal, the bar."""
        self._steps = 0
        self._rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self._start = self._end = time.perf_counter()
        if self.console.is_terminal:
            self._bar = _bar(self.console)
            self._bar.start()
            self._bar.add_task(
                f"epoch {epoch + 1}/{self.epochs}",
                total=self.params.get("steps"),
                speed="",
                state="",
            )

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Moves the bar."""
        self._steps = max(self._steps, batch + 1)
        self._end = time.perf_counter()
        if self._bar:
            self._bar.update(
                self._bar.task_ids[0],
                completed=self._steps,
                speed=f"{self._speed():,.0f} images/s",
                state=_words({"learning rate": self._rate, **(logs or {})}),
            )

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Replaces the bar by a line."""
        self._close()
        speed = self._speed()
        self._images += self._steps * self.batch_size
        self._seconds += time.perf_counter() - self._start
        # At the mean time of an image, validation included, over all epochs so far.
        images = self.params.get("steps", self._steps) * self.batch_size
        left = (self.epochs - epoch - 1) * images * self._seconds / max(self._images, 1)
        self.console.print(
            f"epoch {epoch + 1}/{self.epochs}  "
            f"{_words({**(logs or {}), 'learning rate': self._rate})}  "
            f"{speed:,.0f} images/s  {_clock(left)} left",
            highlight=False,
            soft_wrap=True,
        )

    def on_train_end(self, logs: dict | None = None) -> None:
        """Removes a bar that is still there."""
        self._close()

    def _speed(self):
        return self._steps * self.batch_size / max(self._end - self._start, 1e-9)

    def _close(self):
        if self._bar:
            self._bar.stop()
            self._bar = None


def _bar(console):
    from rich import progress

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(bar_width=24),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[speed]}"),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.fields[state]}"),
        console=console,
        transient=True,
    )


def _words(logs):
    texts = [f"{name} {logs[name]:.4g}" for name in SHOWN if name in logs]
    return "  ".join([*texts, f"learning rate {logs['learning rate']:.3g}"])


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
    try:
        import tensorboard  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "These logs need TensorBoard: pip install 'keras-senet[tensorboard]'"
        ) from error
    # No graph: tracing it takes long, and the model is in `model.keras`.
    return keras.callbacks.TensorBoard(pathlib.Path(workdir) / "tensorboard", write_graph=False)
