"""The checkpoints of a run: files that are whole or not there, of which the newest counts."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import warnings

import numpy as np

from keras_senet.files import hidden, replacing
from keras_senet.training.divergence import Diverged

FACTS = "facts.json"
PATTERN = "step-*.npz"
NAME = re.compile(r"step-(\d+)\.npz")


class Damaged(ValueError):
    """A checkpoint that is truncated, altered or not a checkpoint at all."""


class Checkpoints:
    """Files `step-0000001234.npz`: the last few of a run, and the one with the best accuracy.

    Args:
        folder: Folder of the files, created with the first of them.
        keep: How many of the last ones are kept.
    """

    def __init__(self, folder, keep=3):
        self.folder = pathlib.Path(folder)
        self.keep = keep

    def paths(self):
        """The files, oldest first."""
        return sorted(path for path in self.folder.glob(PATTERN) if NAME.fullmatch(path.name))

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
                return read_checkpoint(path)
            except (Damaged, OSError) as error:
                warnings.warn(f"Skipped a checkpoint: {error}", stacklevel=2)
        if paths:
            raise ValueError(
                f"None of the {len(paths)} checkpoints in {self.folder} can be read. "
                "`resume='never'` starts anew and removes them."
            )
        return None

    def save(self, step, facts, arrays, best_step=None):
        """Writes the checkpoint of a step, then removes old ones except the best.

        If the disk is full or fails, a warning says so and the earlier checkpoints are kept.

        Args:
            step: Steps done.
            facts: A dictionary of JSON's types.
            arrays: Arrays under their names.
            best_step: The step whose checkpoint is kept at any age.

        Returns:
            Whether it was written.

        Raises:
            Diverged: If an array holds infinities or NaN; nothing is written.
        """
        self.check_finite(step, arrays)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_checkpoint(self.path(step), facts, arrays)
        except (OSError, Damaged) as error:
            warnings.warn(
                f"The checkpoint of step {step} could not be written: {error}. {self.kept()}",
                stacklevel=2,
            )
            return False
        self._prune(step, best_step)
        return True

    def _prune(self, step, best_step):
        # Later files could not be read when the run was resumed: their steps are trained again.
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
        """Removes all of them."""
        for path in self.paths():
            path.unlink()

    def clear_partial(self):
        """Removes the partial files of processes that were killed while they wrote."""
        for folder in self.folder.glob(f"{hidden(PATTERN)}*"):
            shutil.rmtree(folder, ignore_errors=True)
        for path in self.folder.glob(f"{PATTERN}.part"):  # of earlier versions
            path.unlink()

    def kept(self):
        """A sentence that names the newest checkpoint."""
        paths = self.paths()
        return f"Kept: {paths[-1]}." if paths else "There is no checkpoint before it."


def write_checkpoint(path, facts, arrays):
    """Writes a checkpoint whole: after a crash at any moment `path` has its old or new content.

    The file is written under a temporary name, flushed to the disk, read back and renamed, and then
    the folder is flushed.

    Args:
        path: The file, a zip archive in NumPy's npz format.
        facts: A dictionary of JSON's types.
        arrays: Arrays under their names.

    Raises:
        OSError: If the disk is full or the file cannot be written.
        Damaged: If the disk returns another content than was written.

    Example:
        >>> write_checkpoint("x.npz", {"step": 3}, {"w": np.zeros(2)})
        >>> read_checkpoint("x.npz")[0]["step"]
        3
    """
    with replacing(path) as partial:
        with open(partial, "wb") as file:
            np.savez(file, **{FACTS: _to_bytes(facts), "sha256": _digest(facts, arrays)}, **arrays)
            file.flush()
            os.fsync(file.fileno())
        read_checkpoint(partial)
    flush_folder(pathlib.Path(path).parent)


def read_checkpoint(path):
    """Reads a checkpoint and verifies every byte of it.

    Args:
        path: A file that `write_checkpoint` wrote.

    Returns:
        The facts and the arrays.

    Raises:
        Damaged: If the content is not what `write_checkpoint` wrote.
        OSError: If the file cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        facts = json.loads(arrays.pop(FACTS).tobytes())
        digest = arrays.pop("sha256")
    except OSError:
        raise
    except Exception as error:  # altered bytes surface in many ways
        raise Damaged(f"{path} is no complete checkpoint: {error}") from error
    if not np.array_equal(digest, _digest(facts, arrays)):
        raise Damaged(f"{path} does not hold what its sha256 says.")
    return facts, arrays


def flush_folder(folder):
    """Flushes the entries of a folder to the disk, so that a rename survives a crash."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(facts, arrays):
    digest = hashlib.sha256(_to_bytes(facts).tobytes())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return np.frombuffer(digest.digest(), "uint8")


def _to_bytes(facts):
    return np.frombuffer(json.dumps(facts).encode(), "uint8")
