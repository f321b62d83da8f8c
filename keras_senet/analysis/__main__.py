"""Report on a network's gates: `keras-senet gates --model=... --output=FOLDER`."""

import pathlib

import keras_senet
from keras_senet import mistakes
from keras_senet.analysis.gates.excitation import excitations
from keras_senet.analysis.gates.report import report_figures, write_report
from keras_senet.data.division import together
from keras_senet.figures import save


def main(arguments=None):
    """Reads the flags, collects, writes report, numbers and figures, prints the summary."""
    parser = mistakes.Parser(prog="keras-senet gates", description=__doc__)
    parser.add_argument("--model", required=True, help="A .keras file, or a weight set.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", help="A data set: its held-out images are looked at.")
    source.add_argument(
        "--images", help="A folder with one folder of images for each class: all are looked at."
    )
    parser.add_argument("--output", required=True, help="Folder for the results.")
    parser.add_argument("--classes", help="Classes to draw, by commas: cat,dog.")
    parser.add_argument("--image_size", type=int, help="Pixels, for a model that takes any.")
    parser.add_argument("--batch_size", type=int, default=32, help="Images at a time.")
    parser.add_argument("--format", choices=("png", "svg"), default="png", help="Of the figures.")
    flags = parser.parse_args(arguments)
    model = mistakes.load_model(flags.model)
    size = flags.image_size or model.inputs[0].shape[1]
    if size is None:
        parser.error("the model takes images of any size: pass --image_size=224, for example")
    data = keras_senet.data.load(flags.data or f"folder:{flags.images}", image_size=size)
    if flags.images:
        if data.test is not None:
            data = data.replace(training=together(data), held_out=data.test, test=None)
        data = data.replace(held_out=together(data))
    classes = flags.classes.split(",") if flags.classes else None
    found = excitations(model, data, batch_size=flags.batch_size)
    folder = pathlib.Path(flags.output)
    folder.mkdir(parents=True, exist_ok=True)
    for figures in report_figures(found, classes).values():
        for name, figure in figures.items():
            save(figure, folder / f"{name.replace('/', '_')}.{flags.format}")
    found.save(folder / "excitations.npz")
    found.to_csv(folder / "excitations.csv")
    report = write_report(found, folder / "report.html", classes)
    print(f"{found}\nReport: {report}; figures, excitations.npz and .csv beside it.")


def run(arguments):
    """The command `keras-senet gates`, on its command line without the program's name."""
    with mistakes.said():
        main(arguments)


if __name__ == "__main__":
    run(None)
