"""A checkpoint: one file with the whole state of a run, or no file."""

import hashlib
import json
import os
import pathlib

import numpy as np

FACTS = "facts.json"
PARTIAL = ".part"


class Damaged(ValueError):
    """A checkpoint that is truncated, altered or not a checkpoint at all."""


def write(path, facts, arrays):
    """Writes a checkpoint that is complete on the disk, or leaves what was there.

    The file is written under a temporary name, read back, flushed to the disk and renamed, and
    the folder is flushed too: after a crash at any moment `path` holds the old or the new content.

    Args:
        path: The file, a zip archive in NumPy's npz format.
        facts: What JSON can hold.
        arrays: Arrays under their names.

    Raises:
        OSError: If the disk is full or the file cannot be written.
        Damaged: If the disk returns something else than was written.

    Example:
        >>> write("x.npz", {"step": 3}, {"w": np.zeros(2)})
        >>> read("x.npz")[0]["step"]
        3
    """
    path = pathlib.Path(path)
    partial = path.with_name(path.name + PARTIAL)
    try:
        with open(partial, "wb") as file:
            np.savez(file, **{FACTS: _to_bytes(facts), "sha256": _digest(facts, arrays)}, **arrays)
            file.flush()
            os.fsync(file.fileno())
        read(partial)
        os.replace(partial, path)
        flush_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def read(path):
    """Reads a checkpoint and verifies every byte of it.

    Args:
        path: A file that `write` wrote.

    Returns:
        The facts and the arrays.

    Raises:
        Damaged: If the content is not what was written.
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
    """Makes the names in a folder survive a crash."""
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
