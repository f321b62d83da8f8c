"""The paper's ablations on a data set of yours.

    keras-senet ablate --table=reduction --data=digits --seeds=3

Finished cells, one for each design and seed, are kept in the working folder: the same command
goes on where it was stopped.
"""

import math
import pathlib

import keras_senet
from keras_senet import mistakes
from keras_senet.analysis.ablation.cells import Cell, run_cells
from keras_senet.analysis.ablation.tables import ABLATIONS, Outcome
from keras_senet.files import replacing
from keras_senet.training import DIGITS

# Three stages of two bottlenecks, which have a place for every design of the paper.
SMALL = keras_senet.SEResNet164.replace(name="se_resnet20_bottleneck", depths=(2, 2, 2))


def main(arguments=None):
    """Reads the flags, runs the cells that are missing, writes and prints the tables."""
    flags = _parser().parse_args(arguments)
    network = mistakes.architecture(flags.model) if flags.model else SMALL
    recipe = DIGITS.replace(
        epochs=flags.epochs,
        batch_size=flags.batch_size,
        learning_rate=flags.learning_rate,
        gate_start=None,  # as the designs of the paper's tables begin
    )
    chosen = [one for one in ABLATIONS if flags.table in (one.name, "all")]

    def cells(row):
        design = network.replace(se=row.se)
        return [
            Cell(design, flags.data, flags.image_size, recipe, seed) for seed in range(flags.seeds)
        ]

    folder = pathlib.Path(flags.workdir)
    rows = [row for ablation in chosen for row in ablation.rows]
    run_cells([cell for row in rows for cell in cells(row)], folder / "cells", flags.jobs)
    for ablation in chosen:
        results = [
            [cell.finished(folder / "cells") for cell in cells(row)] for row in ablation.rows
        ]
        write(outcome_of(ablation, results), folder)


def outcome_of(ablation, results):
    """The `Outcome` of a table; `results` has the contents of its cells' files, row by row."""
    return Outcome(
        ablation,
        tuple(tuple(_error(one["accuracy"]) for one in row) for row in results),
        tuple(row[0]["parameters"] for row in results),
    )


def _error(accuracy):
    """The error in %, NaN if the run diverged."""
    return math.nan if accuracy is None else 100 - 100 * accuracy


def write(outcome, folder):
    """Writes a table as text, csv and figure, and prints it."""
    path = folder / outcome.ablation.name
    with replacing(path.with_suffix(".txt")) as partial:
        partial.write_text(f"{outcome}\n")
    outcome.to_csv(path.with_suffix(".csv"))
    outcome.plot(path.with_suffix(".png"))
    print(f"\n{outcome}\n{path}.txt, .csv, .png", flush=True)


def _parser():
    parser = mistakes.Parser(prog="keras-senet ablate", description="The paper's ablations.")
    names = [one.name for one in ABLATIONS]
    parser.add_argument("--table", choices=(*names, "all"), required=True, help="What to vary.")
    parser.add_argument("--data", default="digits", help="digits, or folder:PATH.")
    parser.add_argument("--seeds", type=int, default=3, help="Runs of each row.")
    parser.add_argument("--jobs", type=int, default=1, help="Processes.")
    parser.add_argument("--workdir", default="runs/ablation", help="Folder for cells and tables.")
    parser.add_argument(
        "--model", help="A network of keras_senet; default: a small bottleneck one."
    )
    parser.add_argument("--image_size", type=int, default=16, help="Pixels.")
    parser.add_argument("--epochs", type=int, default=6, help="Passes over the training images.")
    parser.add_argument("--batch_size", type=int, default=64, help="Images in a step.")
    parser.add_argument("--learning_rate", type=float, default=0.1, help="Highest learning rate.")
    return parser


def run(arguments):
    """The command `keras-senet ablate`, on its command line without the program's name."""
    with mistakes.said():
        main(arguments)


if __name__ == "__main__":
    run(None)
