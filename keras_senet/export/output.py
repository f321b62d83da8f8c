"""Artefacts that are there whole or not at all."""

import contextlib
import os
import pathlib
import shutil
import tempfile


@contextlib.contextmanager
def whole(path, *, overwrite):
    """A temporary path beside `path` to write to, renamed to it when all went well.

    Args:
        path: File or folder to make.
        overwrite: Whether it may replace an existing one.

    Raises:
        FileExistsError: If it exists and may not be replaced.
        OSError: If the folder it is in cannot be written.
    """
    path = pathlib.Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists. Choose another path, or pass overwrite.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
        made = pathlib.Path(folder) / path.name
        yield made
        if path.is_dir():
            # A folder cannot replace another one: the old one goes when the new one is whole.
            shutil.move(path, pathlib.Path(folder) / "old")
        os.replace(made, path)
