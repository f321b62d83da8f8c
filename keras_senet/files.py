"""Files and folders that appear whole or not at all."""

import contextlib
import os
import pathlib
import shutil
import tempfile


@contextlib.contextmanager
def replacing(path, overwrite=True, mark=None):
    """Yields a temporary path beside `path`, which becomes `path` if the block ends well.

    The temporary path has the name of `path`, since many writers choose the format by the suffix,
    and lies in a hidden folder of its own, which is removed in any case.

    Args:
        path: Where the file or folder shall be; its parent must exist.
        overwrite: Whether to replace what is there.
        mark: Name of a file that a folder has which may be replaced; `None` for none. Other folders
            with something in them are their owner's.

    Raises:
        FileExistsError: If `path` exists and `overwrite` is false, or is a folder without the mark.
        FileNotFoundError: If the folder to write into does not exist.
        ValueError: If the path ends in no name, as `.` does.
        PermissionError: If the folder cannot be written into.

    Example:
        >>> with replacing("scores.txt") as partial:
        ...     _ = partial.write_text("0.98")
    """
    path = pathlib.Path(path)
    if path.name in ("", ".."):
        raise ValueError(f"Expected the name of a file or folder to write. Received: {path}")
    _refuse_existing(path, overwrite, mark)
    folder = path.absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(
            f"Expected a folder to write {path.name} into. Received: {folder}, which is not a "
            "folder. Create it first."
        )
    try:
        workplace = pathlib.Path(tempfile.mkdtemp(prefix=hidden(path), dir=folder))
    except OSError as error:
        raise PermissionError(
            f"Cannot write into {folder} ({error.strerror}). Choose another folder, or change "
            "its permissions."
        ) from error
    replaced = workplace / ".replaced"
    try:
        partial = workplace / path.name
        yield partial
        _refuse_existing(path, overwrite, mark)
        if os.path.lexists(path) and (partial.is_dir() or path.is_dir()):
            # Nothing is renamed over a folder, nor a folder over a file: the old steps aside.
            os.replace(path, replaced)
        os.replace(partial, path)
    finally:
        if os.path.lexists(replaced) and not os.path.lexists(path):
            os.replace(replaced, path)  # if that fails too, the old stays in the workplace
        shutil.rmtree(workplace, ignore_errors=True)


def hidden(path):
    """How the name of the temporary folder beside `path` begins; a killed process leaves it."""
    return f".{pathlib.Path(path).name}."


def _refuse_existing(path, overwrite, mark):
    if os.path.lexists(path) and not overwrite:
        raise FileExistsError(
            f"{path} exists already. Choose another path, or pass overwrite=True (--overwrite) "
            "to replace it."
        )
    is_ours = mark is not None and (path / mark).is_file()
    if path.is_dir() and not is_ours and any(path.iterdir()):
        what = "a file" if mark is None else f"a folder with {mark}"
        raise FileExistsError(
            f"{path} is a folder with other things in it, which would be lost. Expected {what}, or "
            "nothing, to replace. Choose another path."
        )
