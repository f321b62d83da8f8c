"""A mistake of a program's user, reported in one sentence and without a traceback."""

import contextlib
import os
import pathlib
import sys

EXIT_CODE = 2
LONGEST = 600  # characters; more is a library's listing, of which the first line counts
PACKAGE = str(pathlib.Path(__file__).parent)


@contextlib.contextmanager
def said():
    """A `with` block that turns an error of input into one sentence on stderr and exit code 2.

    It is for the last lines of a program. ValueError, OSError and ImportError are errors of input,
    and TypeError where this package raises it. All other errors keep their traceback. With
    `--debug` on the command line every error has one.

    Example:
        >>> with said():
        ...     print(keras_senet.data.load("digits").name)
        digits
    """
    try:
        yield
    except BrokenPipeError:  # the reader of the output is gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_CODE)
    except (ValueError, OSError, ImportError, TypeError) as error:
        if "--debug" in sys.argv or (isinstance(error, TypeError) and not _is_ours(error)):
            raise
        text = str(error).strip() or type(error).__name__
        if len(text) > LONGEST:
            text = f"{text.splitlines()[0][:LONGEST]} ..."
        print(f"{text}\n(--debug shows where this was found.)", file=sys.stderr, flush=True)
        sys.exit(EXIT_CODE)


def first_line(error, longest=300):
    """The first line of an error's message, cut to `longest` characters.

    For an error without a message it is the name of the error's class.
    """
    return (str(error).strip().splitlines() or [type(error).__name__])[0].strip()[:longest]


def _is_ours(error):
    """Whether a file of the package raised the error."""
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_filename.startswith(PACKAGE)
