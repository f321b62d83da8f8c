"""Counts what a network costs: keras-senet cost SEResNet50 model.keras model.tflite.

Parameters, multiply-adds and activations by stage, with the share of the SE blocks, for one image.
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from keras_senet import mistakes
from keras_senet.analysis import cost
from keras_senet.analysis.costs.shapes import shapes_of
from keras_senet.cli import program

FILES = (".keras", ".tflite")


def run(arguments: Sequence[str]) -> None:
    """The command, on its command line without the program's name."""
    values = program.flag_values()
    add = program.adder(values)
    add(
        flags.DEFINE_integer,
        "image_size",
        None,
        "Pixels; default: the network's own.",
        lower_bound=1,
    )
    add(
        flags.DEFINE_string, "csv", None, "File to write with a row for each layer, of one network."
    )
    program.run(_main, values, arguments, __doc__)


def _main(values, names):
    if not names:
        raise ValueError(
            "Expected names of networks of keras_senet, or .keras or .tflite files, such as "
            "SEResNet50."
        )
    if values.csv and len(names) > 1:
        raise ValueError(f"--csv is for one network. Received: {', '.join(names)}.")
    for index, name in enumerate(names):
        found = _cost(name, values.image_size)
        print(found if index == 0 else f"\n{found}")
        if values.csv:
            found.to_csv(values.csv)


def _cost(name, size):
    suffix = pathlib.PurePath(name).suffix.lower()
    if suffix == ".keras":
        return cost(mistakes.load_model(name), size)
    if suffix == ".tflite":
        if not pathlib.Path(name).is_file():
            raise FileNotFoundError(f"No file at {name}.")
        if size is not None:
            raise ValueError(f"--image_size is not for a .tflite file, which has its own: {name}.")
        return cost(name)
    network = mistakes.architecture(name, "network ")
    shape = None if size is None else (size, size, 3)
    return cost(shapes_of(lambda: network(input_shape=shape)))
