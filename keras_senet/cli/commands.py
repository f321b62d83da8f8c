"""The commands of `keras-senet`: what each does, and the packages that it needs.

Nothing here imports Keras, so that a mistake is said at once.
"""

import dataclasses
import difflib
import importlib.util
import os

from keras_senet.extras import INSTALLED_AS

PROGRAM = "keras-senet"
BACKENDS = ("tensorflow", "jax", "torch")


@dataclasses.dataclass(frozen=True)
class Command:
    """A command of the program.

    Attributes:
        module: Module that has its `run`, a function of the arguments.
        does: What it does, in a sentence.
        extra: Extra of the package that brings what it needs, or `None`.
        packages: Names that it cannot do without, as they are imported.
    """

    module: str
    does: str
    extra: str | None = None
    packages: tuple[str, ...] = ()


_DATA = ("tensorflow", "PIL")
COMMANDS = {
    "train": Command(
        "keras_senet.cli.train",
        "Trains a network; the same command goes on with a stopped run.",
        "train",
        (*_DATA, "filelock", "matplotlib", "rich"),
    ),
    "evaluate": Command(
        "keras_senet.cli.evaluate",
        "Judges a finished run, or weights, on images of a data set.",
        "train",
        _DATA,
    ),
    "predict": Command("keras_senet.cli.predict", "Names what is in pictures.", "data", ("PIL",)),
    "export": Command(
        "keras_senet.cli.export",
        "Writes a model as TFLite, SavedModel, ONNX or a page for browsers, and verifies it.",
        "export",
        ("tensorflow", "ai_edge_litert"),
    ),
    "benchmark": Command(
        "keras_senet.cli.benchmark",
        "Times .tflite files in turns.",
        "export",
        ("tensorflow", "ai_edge_litert"),
    ),
    "cost": Command(
        "keras_senet.cli.cost", "Counts parameters and multiply-adds of a network, SE apart."
    ),
    "gates": Command(
        "keras_senet.analysis.__main__",
        "Reports what the gates of a trained model do.",
        "analysis,data",
        (*_DATA, "matplotlib"),
    ),
    "ablate": Command(
        "keras_senet.analysis.ablate",
        "Trains the designs of the paper's ablations on a data set.",
        "analysis,train",
        (*_DATA, "filelock", "matplotlib", "rich"),
    ),
    "weights": Command("keras_senet.cli.weights", "Lists the public weight sets, or fetches one."),
}


def usage() -> str:
    """What `keras-senet --help` prints."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {command.does}" for name, command in COMMANDS.items()]
    return (
        f"usage: {PROGRAM} COMMAND [--flags]\n\n"
        + "\n".join(lines)
        + f"\n\n{PROGRAM} COMMAND --help lists the flags of a command."
    )


def check(name: str) -> None:
    """Refuses a command that is none, or whose packages are not installed.

    Raises:
        ValueError: If there is no command of this name.
        ImportError: If a package is missing; the message says what to install.
    """
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
        raise ValueError(
            f"{PROGRAM} has no command {name!r}. "
            + (f"Did you mean {near[0]!r}? " if near else "")
            + f"Its commands: {', '.join(COMMANDS)}."
        )
    command = COMMANDS[name]
    missing = [one for one in command.packages if importlib.util.find_spec(one) is None]
    if missing:
        names = ", ".join(INSTALLED_AS.get(one, one) for one in missing)
        raise ImportError(
            f"{PROGRAM} {name} needs {names}: pip install 'keras-senet[{command.extra}]'"
        )
    backend = os.environ.get("KERAS_BACKEND")
    wanted = (backend,) if backend in BACKENDS else BACKENDS
    if not any(importlib.util.find_spec(one) for one in wanted):
        raise ImportError(
            f"{PROGRAM} {name} needs a backend of Keras, {' or '.join(wanted)}: "
            "pip install 'keras-senet[tensorflow]'"
        )
