"""Files and folders that appear whole or not at all."""

import contextlib
import os
import pathlib
import shutil
import tempfile


@contextlib.contextmanager
def written_whole(path, overwrite=False):
    """Yields a temporary name beside `path`, which becomes `path` if the block ends well.

    Args:
        path: Where the file or folder shall be; its parent must exist.
        overwrite: Whether to replace what is there.

    Raises:
        FileExistsError: If `path` exists and `overwrite` is false.
        FileNotFoundError: If the folder to write to does not exist.
        PermissionError: If the folder cannot be written to.
    """
    path = pathlib.Path(path)
    _refuse_existing(path, overwrite)
    folder = path.absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(
            f"Expected a folder to write {path.name} into. Received: {folder}, which is not a "
            "folder. Create it first."
        )
    try:
        workplace = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=folder))
    except OSError as error:
        raise PermissionError(
            f"Cannot write into {folder} ({error.strerror}). Choose another folder, or change "
            "its permissions."
        ) from error
    try:
        partial = workplace / path.name
        yield partial
        _refuse_existing(path, overwrite)
        if os.path.lexists(path) and (partial.is_dir() or path.is_dir()):
            # Nothing is renamed over a folder, nor a folder over a file: the old steps aside.
            os.replace(path, workplace / ".replaced")
        os.replace(partial, path)
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def size_in_bytes(path):
    """Bytes of a file, or of all files in a folder."""
    path = pathlib.Path(path)
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def _refuse_existing(path, overwrite):
    if os.path.lexists(path) and not overwrite:
        raise FileExistsError(
            f"{path} exists already. Choose another path, or pass overwrite=True (--overwrite) "
            "to replace it."
        )
