"""A program whose flags are absl's, in a set of their own: several may live in one process."""

import logging
from collections.abc import Callable, Sequence

from absl import flags

from keras_senet import mistakes


def flag_values() -> flags.FlagValues:
    """An empty set of flags but for `--help` and `--debug`, for `absl.flags.DEFINE_...`."""
    values = flags.FlagValues()
    add = adder(values)
    add(flags.DEFINE_bool, "help", False, "Show the flags.", short_name="h")
    add(flags.DEFINE_bool, "debug", False, "Show where in the code an error was found.")
    return values


def adder(values: flags.FlagValues) -> Callable[..., None]:
    """A function that adds a flag to a set: `add(flags.DEFINE_bool, "overwrite", False, "...")`."""

    def add(define, *arguments, **options):
        define(*arguments, flag_values=values, **options)

    return add


def run(
    main: Callable[[flags.FlagValues, list[str]], object],
    values: flags.FlagValues,
    arguments: Sequence[str],
    text: str | None,
) -> None:
    """Reads the flags and runs `main`; a mistake of the user is one sentence and exit code 2.

    Args:
        main: A function of the flags and of the arguments that are none.
        values: The flags, see `flag_values`.
        arguments: The command line without the program's name.
        text: What the program does, for `--help`.
    """
    if {"--help", "-h", "-help"} & set(arguments):
        with mistakes.said():
            print(f"{(text or '').strip()}\n\nflags:\n{_listed(values)}", flush=True)
        return
    logger = logging.getLogger("keras_senet")
    if not logger.handlers:
        handler = logging.StreamHandler()  # the message alone, not with absl's prefix
        handler.setLevel(logging.WARNING)
        logger.addHandler(handler)
        logger.propagate = False
    with mistakes.said():
        try:
            _, *others = values(["", *arguments])
        except flags.Error as error:
            text = mistakes.first_line(error).rstrip(".")
            raise ValueError(f"{text}. --help lists all flags.") from error
        main(values, others)


def none_left(others: Sequence[str]) -> None:
    """Raises a ValueError if there are arguments that are no flags."""
    if others:
        raise ValueError(f"Unexpected arguments: {list(others)}. --help lists all flags.")


def _listed(values):
    """Each flag with its sentence and default, without absl's headings."""
    lines = values.get_help(include_special_flags=False).splitlines()
    return "\n".join(line for line in lines if line.startswith("  "))
