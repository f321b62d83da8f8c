"""Lists the public weight sets: keras-senet weights [NETWORK ...].

With --fetch=NAME it fetches the file of one into the cache and prints where it lies.
"""

from collections.abc import Sequence

from absl import flags

from keras_senet import mistakes
from keras_senet.cli import program
from keras_senet.weights import table
from keras_senet.weights.download import fetch
from keras_senet.weights.records.table import find


def run(arguments: Sequence[str]) -> None:
    """The command, on its command line without the program's name."""
    values = program.flag_values()
    add = program.adder(values)
    add(flags.DEFINE_string, "fetch", None, "Name of a weight set to fetch.")
    program.run(_main, values, arguments, __doc__)


def _main(values, networks):
    if values.fetch is not None:
        program.none_left(networks)
        record = find(values.fetch)
        if record is None:
            raise ValueError(
                f"Expected --fetch=NAME of a weight set in the table. Received: {values.fetch}"
            )
        print(fetch(record))
        return
    for name in networks:
        mistakes.architecture(name, "network ")  # refuses what is none
    for name in networks or (None,):
        table(name)
