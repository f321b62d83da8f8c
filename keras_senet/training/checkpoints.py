"""The checkpoints of a run: a folder of which the newest whole one counts."""

import pathlib
import re
import warnings

import numpy as np

from keras_senet.training import checkpoint

NAME = re.compile(r"step-(\d+)\.npz")


class Diverged(ArithmeticError):
    """A run that has no way back: weights or loss are not finite, or the loss stays high."""


class Checkpoints:
    """Files `step-0000001234.npz`: the last few of a run, and the one with the best accuracy.

    Args:
        folder: Where they are, made if need be.
        keep: How many of the last ones stay.
    """

    def __init__(self, folder, keep=3):
        self.folder = pathlib.Path(folder)
        self.keep = keep

    def paths(self):
        """The files, oldest first."""
        return sorted(path for path in self.folder.glob("step-*.npz") if NAME.fullmatch(path.name))

    def path(self, step):
        """The file of a step."""
        return self.folder / f"step-{step:010}.npz"

    def newest(self):
        """Facts and arrays of the newest checkpoint that can be read, or `None` without any.

        Raises:
            ValueError: If there are checkpoints and none can be read.
        """
        paths = self.paths()
        for path in reversed(paths):
            try:
                return checkpoint.read(path)
            except (checkpoint.Damaged, OSError) as error:
                warnings.warn(f"Skipped a checkpoint: {error}", stacklevel=2)
        if paths:
            raise ValueError(
                f"None of the {len(paths)} checkpoints in {self.folder} can be read. "
                "`resume='never'` starts anew and removes them."
            )
        return None

    def save(self, step, facts, arrays, best_step=None):
        """Writes the checkpoint of a step, then removes those that are old and not the best.

        A full or failing disk is reported as a warning, and the checkpoints before stay.

        Args:
            step: Steps done.
            facts: What JSON can hold.
            arrays: Arrays under their names.
            best_step: The step whose checkpoint stays whatever its age.

        Returns:
            Whether it was written.

        Raises:
            Diverged: If an array holds infinities or NaN; nothing is written.
        """
        self.check_finite(step, arrays)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            checkpoint.write(self.path(step), facts, arrays)
        except (OSError, checkpoint.Damaged) as error:
            warnings.warn(
                f"The checkpoint of step {step} could not be written: {error}. {self.kept()}",
                stacklevel=2,
            )
            return False
        self._prune(step, best_step)
        return True

    def _prune(self, step, best_step):
        # A later file is one that could not be read: its step comes again.
        paths = [path for path in self.paths() if path <= self.path(step)]
        for path in paths[: -self.keep]:
            if best_step is None or path != self.path(best_step):
                path.unlink()

    def check_finite(self, step, arrays):
        """Raises `Diverged` if an array holds infinities or NaN."""
        for name, array in arrays.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise Diverged(f"Values of {name} are not finite at step {step}. {self.kept()}")

    def clear(self):
        """Removes all of them, and what a killed run left behind."""
        for path in (*self.paths(), *self.folder.glob(f"*{checkpoint.PARTIAL}")):
            path.unlink()

    def kept(self):
        """A sentence on the newest file."""
        paths = self.paths()
        return f"Kept: {paths[-1]}." if paths else "There is no checkpoint before it."
