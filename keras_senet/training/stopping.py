"""SIGTERM and Ctrl-C: noticed, and answered once the state is saved."""

import contextlib
import signal
import threading
import typing

import keras

from keras_senet.startup import STOPPED

NAMES = {signal.SIGTERM: "SIGTERM", signal.SIGINT: "Ctrl-C"}


class Preempted(SystemExit):
    """Raised after SIGTERM, once the state is saved; uncaught, the process exits with 75."""

    def __init__(self):
        super().__init__(STOPPED)


class Stopping:
    """Answers SIGTERM and Ctrl-C while its `with` block runs.

    Where training is ahead of its checkpoints (`deferred`), the signal is noted, and the run saves
    and leaves before its next step. Elsewhere, while it starts, compiles, validates or writes its
    report, it leaves at once: all that is done is on the disk. A second Ctrl-C leaves at once too.

    If one of several JAX processes gets SIGTERM, all of them notice it at the same step.

    Args:
        processes: Number of processes that train together.

    Attributes:
        deferred: Whether a signal is noted for the next step.
        saved_step: The step of the newest checkpoint, 0 without any.
    """

    def __init__(self, processes=1):
        self.deferred = False
        self.saved_step = 0
        self._distributed = processes > 1
        self._noted = None
        self._before = {}
        self._asked = 0

    def __enter__(self):
        # JAX has its own handler; Python allows handlers in the main thread only.
        if not self._distributed and threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._notice) for number in NAMES}
        return self

    def __exit__(self, *_):
        for number, handler in self._before.items():
            # None: the handler was not Python's, and cannot be put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _notice(self, number, _):
        again = number == signal.SIGINT and self._noted == number
        self._noted = number  # first: an exception in the midst of a `__del__` is swallowed
        if not self.deferred or again:
            self.leave(number)

    def noticed(self):
        """The signal to answer now, or `None`; every process must ask equally often."""
        if self._distributed and keras.backend.backend() == "jax":
            from jax.experimental import multihost_utils

            self._asked += 1
            reached = multihost_utils.reached_preemption_sync_point(self._asked)
            return signal.SIGTERM if reached else None
        return self._noted

    def leave(self, number) -> typing.NoReturn:
        """Says what is saved, and ends the run: by `Preempted`, or `KeyboardInterrupt`."""
        done = f"saved step {self.saved_step}" if self.saved_step else "no step is saved yet"
        there = "there" if self.saved_step else "the start"
        sentence = f"{NAMES[number]}: {done}. The same command goes on from {there}."
        with contextlib.suppress(RuntimeError):  # the signal came in the middle of a line
            print(sentence, flush=True)
        raise KeyboardInterrupt(sentence) if number == signal.SIGINT else Preempted
