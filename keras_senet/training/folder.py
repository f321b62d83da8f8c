"""The folder of a run: whether it can be written, and its lock against a second process."""

import contextlib
import logging
import os
import pathlib

from keras_senet.extras import needed
from keras_senet.files import replacing
from keras_senet.training import distribution

logger = logging.getLogger("keras_senet")

LOCK = ".lock"


def check_workdir(workdir: str | os.PathLike) -> None:
    """Raises an error if the files of a run cannot be written into its folder.

    A file is written, renamed and removed, as those of the run will be. Processes other than the
    first write no files and check nothing.

    Args:
        workdir: The folder, which may be missing; `~` is the home folder.

    Raises:
        OSError: If a file is in the way, the folder cannot be written, or another process trains
            in it.
    """
    if distribution.process()[0]:
        return
    workdir = pathlib.Path(workdir).expanduser()
    for folder in (workdir, workdir / "checkpoints"):
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        if not there.is_dir():
            raise NotADirectoryError(
                f"Expected a folder for the files of the run. Received: {workdir}, where {there} "
                "is a file. Choose another --workdir, or move the file away."
            )
        try:
            with replacing(there / ".writable") as partial:
                partial.write_text("x")
            (there / ".writable").unlink()
        except OSError as error:
            reason = getattr(error.__cause__, "strerror", None) or error.strerror or error
            raise PermissionError(
                f"Cannot write the files of the run into {folder} ({reason}). Choose another "
                "--workdir, or change its permissions."
            ) from error
    if (workdir / LOCK).exists():
        with locked(workdir):
            pass


@contextlib.contextmanager
def locked(workdir):
    """A `with` block in which no other process trains in a folder, which is created.

    The lock is the kernel's (`flock`): it ends with its process, however that ends. It holds on
    one machine, and between machines where the network file system passes locks on: NFS 4, and
    NFS 3 with its lock service, do; mounts with `nolock` or `local_lock` do not. A file system
    without locks is said and used without.

    Args:
        workdir: The folder.

    Raises:
        BlockingIOError: If another process has the lock.
        ImportError: If filelock is not installed.
    """
    filelock = needed("filelock", "train", "Training")
    workdir.mkdir(parents=True, exist_ok=True)
    # Not a singleton: the same folder twice in one process is refused like two processes.
    lock = filelock.FileLock(workdir / LOCK, blocking=False, is_singleton=False)
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(lock)
        except (filelock.Timeout, RuntimeError) as error:
            raise BlockingIOError(
                f"Another process trains in {workdir}. Wait for its end, stop it, or choose "
                "another --workdir."
            ) from error
        except OSError as error:
            logger.warning(
                "%s has no locks (%s): nothing keeps a second process from it.",
                workdir,
                error.strerror,
            )
        yield
