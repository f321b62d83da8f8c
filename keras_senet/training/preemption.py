"""Leaving in order when the machine is taken away."""

import signal
import threading

import keras

EXIT_CODE = 75  # EX_TEMPFAIL of sysexits.h: run the same command again


class Preempted(SystemExit):
    """Raised after SIGTERM, once the state is saved; uncaught, the process exits with 75."""

    def __init__(self):
        super().__init__(EXIT_CODE)


class Preemption:
    """Notices SIGTERM while its `with` block runs.

    With several JAX processes the notice of one reaches all, at the same step.
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
        """Whether to stop at this step; to be called at every one.

        Args:
            step: Steps done, the same number on all processes.
        """
        if self._distributed and keras.backend.backend() == "jax":
            from jax.experimental import multihost_utils

            return multihost_utils.reached_preemption_sync_point(step)
        return self._signalled
