"""TensorFlow's lines at its start, kept from a terminal where silence is asked for."""

import contextlib
import os
import sys
import tempfile

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
SILENT = "3"


@contextlib.contextmanager
def quiet():
    """A `with` block whose import of TensorFlow writes nothing, if TF_CPP_MIN_LOG_LEVEL is 3.

    TensorFlow's libraries write some lines before they read that variable, straight to the file
    descriptor of standard error. If the import fails, what they wrote is shown.
    """
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
