"""Whether a run can write its files, known before the first step."""

import pathlib
import tempfile

from keras_senet.training import distribution


def check_workdir(workdir):
    """Tries to write into the folder of a run; leaves nothing behind.

    A process that writes no files checks none.

    Args:
        workdir: The folder, which may be missing.

    Raises:
        OSError: If a file is in the way, or the folder cannot be written.
    """
    if distribution.process()[0]:
        return
    workdir = pathlib.Path(workdir)
    for folder in (workdir, workdir / "checkpoints"):
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        if not there.is_dir():
            raise NotADirectoryError(
                f"Expected a folder for the files of the run. Received: {workdir}, where {there} "
                "is a file. Choose another --workdir, or move the file away."
            )
        try:
            tempfile.TemporaryFile(dir=there).close()
        except OSError as error:
            raise PermissionError(
                f"Cannot write the files of the run into {folder} ({error.strerror}). Choose "
                "another --workdir, or change its permissions."
            ) from error
