"""What a program does before TensorFlow is imported, which takes seconds."""

import contextlib
import importlib
import os
import pathlib
import signal
import sys
import tempfile

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
SILENT = "3"
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
MISTAKE = 2  # Exit codes. Shells have 130 for Ctrl-C, 128 and the number of its signal; 75 is
STOPPED = 75  # EX_TEMPFAIL of sysexits.h: the same command may be run again.
INTERRUPTED = 130


def begin() -> None:
    """Prepares this process if it is a program of this package; others are left as they are.

    TensorFlow is told to be silent, and to use its fast kernels for CPUs, which it leaves off
    without AVX-512. The program `keras-senet` then answers what needs no library: `--help`,
    `--version`, mistakes in the command, missing packages. While `train` loads libraries, SIGTERM
    and Ctrl-C end it at once: no step could be lost.
    """
    if sys.argv[:1] != ["-m"] and not _is_program():
        return
    os.environ.setdefault(LEVEL, SILENT)
    if not _is_program():
        return
    os.environ.setdefault(ONEDNN, "1")
    commands = importlib.import_module("keras_senet.cli.commands")
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("--help", "-h", "help", "--version"):
        version = importlib.import_module("keras_senet._version").__version__
        print(version if name == "--version" else commands.usage())
        sys.exit(0)
    try:
        commands.check(name)
    except (ValueError, ImportError) as error:
        print(error, file=sys.stderr)
        sys.exit(MISTAKE)
    if name == "train":
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _leave)


@contextlib.contextmanager
def loading():
    """A `with` block, after `begin`, whose import of TensorFlow writes nothing.

    It does where TF_CPP_MIN_LOG_LEVEL is not 3.

    TensorFlow's libraries write some lines before they read that variable, straight to the file
    descriptor of standard error. If the import fails, what they wrote is shown.
    """
    begin()
    if os.environ.get(LEVEL) != SILENT or "tensorflow" in sys.modules:
        yield
        return
    try:
        terminal = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            if failed:
                written.seek(0)
                os.write(2, written.read())


def _is_program():
    """Whether this process is `keras-senet`, whatever its folder and suffix."""
    return bool(sys.argv) and pathlib.PurePath(sys.argv[0]).stem == "keras-senet"


def _leave(number, _):
    name, code = ("Ctrl-C", INTERRUPTED) if number == signal.SIGINT else ("SIGTERM", STOPPED)
    os.write(1, f"{name}: nothing is lost. Run the same command again.\n".encode())
    os._exit(code)
