"""The command `keras-senet`: each of its commands is a file here or in the analysis."""

import importlib
import os
import signal
import sys

from keras_senet.cli.commands import COMMANDS, PROGRAM


def main() -> None:
    """Runs the command that stands first on the command line, `keras-senet train --data=digits`.

    `keras_senet.startup` has refused what is no command before this was called.
    """
    name, *arguments = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # from here on others answer Ctrl-C
    sys.argv = [f"{PROGRAM} {name}", *arguments]
    try:
        importlib.import_module(COMMANDS[name].module).run(arguments)
    except SystemExit as leaving:
        if isinstance(leaving.code, int) and leaving.code:
            _leave(leaving.code)
        raise


def _leave(code):
    """Ends the program at once: an orderly exit waits for the threads that read images.

    Processes of JAX that train together say goodbye to one another, and do not end like this.
    """
    import keras  # not before: this file is read before the libraries are

    if keras.backend.backend() != "jax":
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
