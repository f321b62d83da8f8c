"""A mistake of a program's user, reported in one sentence and without a traceback."""

import argparse
import contextlib
import difflib
import os
import pathlib
import sys
import typing
import warnings
import zipfile
from collections.abc import Iterator

from keras_senet.startup import INTERRUPTED
from keras_senet.startup import MISTAKE as EXIT_CODE

if typing.TYPE_CHECKING:
    import keras

LONGEST = 600  # characters; more is a library's listing, of which the first line counts
PACKAGE = str(pathlib.Path(__file__).parent)
MEMORY = ("ResourceExhaustedError", "MemoryError", "_ArrayMemoryError")


@contextlib.contextmanager
def said() -> Iterator[None]:
    """A `with` block that turns an error of input into one sentence on stderr and exit code 2.

    It is for the last lines of a program. ValueError, OSError and ImportError are errors of input,
    TypeError where this package raises it, and memory that does not suffice. All other errors keep
    their traceback. With `--debug` on the command line every error has one. Ctrl-C ends the program
    with code 130, and warnings are one line each.

    Example:
        >>> with said():
        ...     print(keras_senet.data.load("digits").name)
        digits
    """
    try:
        with warnings.catch_warnings():  # which restores what is replaced here
            warnings.showwarning = _show_warning
            yield
    except BrokenPipeError:  # the reader of the output is gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_CODE)
    except KeyboardInterrupt as error:
        if not error.args:  # else it has been said
            print("Ctrl-C: stopped.", file=sys.stderr, flush=True)
        sys.exit(INTERRUPTED)
    except Exception as error:
        sentence = None if "--debug" in sys.argv else _sentence(error)
        if sentence is None:
            raise
        print(sentence, file=sys.stderr, flush=True)
        sys.exit(EXIT_CODE)


class Parser(argparse.ArgumentParser):
    """argparse's parser with `--debug`, whose errors `said` reports in one sentence."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.add_argument(
            "--debug", action="store_true", help="Show where in the code an error was found."
        )

    def error(self, message: str) -> typing.NoReturn:
        """Raises a ValueError."""
        raise ValueError(f"{message[:1].upper()}{message[1:]}. --help lists all flags.")


def architecture(name: str, said_as: str = "--model="):
    """The network of the package that a flag names.

    Args:
        name: Such as `"SEResNet50"`.
        said_as: What stands before the name in the message.

    Raises:
        ValueError: If there is none of this name.

    Example:
        >>> architecture("SEResNet50").name
        'se_resnet50'
    """
    import keras_senet

    found = vars(keras_senet).get(name)
    if isinstance(found, keras_senet.Architecture):
        return found
    close = difflib.get_close_matches(name, keras_senet.__all__, n=3, cutoff=0.4)
    raise ValueError(f"Unknown {said_as}{name}. Close to it: {', '.join(close) or 'none'}.")


def load_model(path: str | os.PathLike) -> "keras.Model":
    """Reads a `.keras` file, or builds the network of a weight set.

    Args:
        path: The file; `~` is the home folder. Or the name of a weight set in
            `keras_senet.weights.table()`.

    Raises:
        ValueError: If it is neither, or Keras cannot read the file.
    """
    import keras

    import keras_senet
    from keras_senet.weights.records.table import find

    path = os.path.expanduser(path)
    record = None if os.path.exists(path) else find(path)
    if record is not None:
        return getattr(keras_senet, record.network)(weights=record.name)
    expected = (
        "Expected a .keras file, such as model.keras in the folder of a run, or the name of a "
        "weight set."
    )
    if not os.path.isfile(path):
        what = "is a folder" if os.path.isdir(path) else "is not there"
        raise ValueError(f"{path} {what}. {expected}")
    if path.endswith(".keras") and not zipfile.is_zipfile(path):  # Keras says it is not there
        raise ValueError(f"{path} is no .keras file, or a part of one. {expected}")
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # of many types: of zip, json, h5py and of every layer
        raise ValueError(f"Keras cannot read {path}: {first_line(error)} {expected}") from error


def first_line(error: BaseException, longest: int = 300) -> str:
    """The first line of an error's message, cut to `longest` characters.

    For an error without a message it is the name of the error's class.
    """
    return (str(error).strip().splitlines() or [type(error).__name__])[0].strip()[:longest]


def _sentence(error):
    """What to say of an error; `None` for one that is no mistake of the user."""
    if type(error).__name__ in MEMORY or "RESOURCE_EXHAUSTED" in str(error):
        return (
            f"The memory does not suffice: {first_line(error).rpartition('}} ')[2]} Choose a "
            "smaller batch size or image size, or more accumulation steps."
        )
    if isinstance(error, TypeError):
        if not _is_ours(error):
            return None
    elif not isinstance(error, (ValueError, OSError, ImportError)):
        return None
    text = str(error).strip() or type(error).__name__
    if len(text) > LONGEST:
        text = f"{text.splitlines()[0][:LONGEST]} ..."
    # What a library says may need its place to be understood.
    known = _is_ours(error) or _frame(error).f_globals.get("__name__") == "__main__"
    return text if known else f"{text}\n(--debug shows where this was found.)"


def _show_warning(message, category, *_, **__):
    print(f"{category.__name__}: {message}", file=sys.stderr)


def _is_ours(error):
    """Whether a file of the package raised the error."""
    return _frame(error).f_code.co_filename.startswith(PACKAGE)


def _frame(error):
    """The frame that raised an error."""
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame
