"""Judges a finished run or weights: keras-senet evaluate --workdir=RUN.

    keras-senet evaluate --model=SEResNet50 --weights=timm/seresnet50.a1_in1k --data=folder:PATH

A run is judged on its own data unless --data is given, and in the view that it was trained for;
weights are judged in the view of their published evaluation.
"""

import json
import pathlib
from collections.abc import Sequence

from absl import flags

import keras_senet
from keras_senet import mistakes
from keras_senet.cli import data_flags, program

BATCH_SIZE = 64  # images, where neither flag nor run says it


def run(arguments: Sequence[str]) -> None:
    """The command, on its command line without the program's name."""
    values = program.flag_values()
    add = program.adder(values)
    data_flags.define(values)
    add(flags.DEFINE_integer, "image_size", None, "Pixels; default: the weights'.")
    add(flags.DEFINE_integer, "batch_size", BATCH_SIZE, "Images at a time.", lower_bound=1)
    program.run(_main, values, arguments, __doc__)


def _main(values, others):
    program.none_left(others)
    if not values.workdir and not values.weights:
        raise ValueError("Give --workdir, the folder of a run, or --weights with --data.")
    evaluate(values, image_size=values.image_size, batch_size=values.batch_size)


def evaluate(values: flags.FlagValues, *, image_size: int | None, batch_size: int) -> None:
    """Judges a model, of a run on its own data or that of weights, and prints the figures.

    Args:
        values: Flags that `data_flags.define` added.
        image_size: Height and width of the images in pixels, `None` for those of the weights.
        batch_size: Images at a time.

    Raises:
        ValueError: If flags contradict one another, run, weights or data are missing or do not fit
            one another, or the images were trained on.
    """
    if values.weights and values.workdir:
        raise ValueError("--weights and --workdir exclude each other in evaluation: give one.")
    if values.weights:
        shape = None if image_size is None else (image_size, image_size, 3)
        # Any number of labels an image takes sigmoids; the weights must have been trained so.
        activation = "sigmoid" if values.data.startswith("csv:") else "softmax"
        model = mistakes.architecture(values.model)(
            weights=values.weights, input_shape=shape, classifier_activation=activation
        )
        source, division = values.data, data_flags.division(values)
    else:
        model, source, division, batch_size = _of_run(values, batch_size)
    dataset = data_flags.load(values, source, model.inputs[0].shape[1], division)
    if values.workdir:
        learned = data_flags.workdir(values)
    else:
        learned = pathlib.Path(values.weights).expanduser().parent
    keras_senet.training.check_unseen(learned, dataset, values.split)
    # With other classes the classifier would be new, and its accuracy noise.
    if values.weights and model.output_shape[-1] != len(dataset.class_names):
        raise ValueError(
            f"--weights={values.weights} has {model.output_shape[-1]} classes, "
            f"--data={source} has {len(dataset.class_names)}. Train on it first."
        )
    found = keras_senet.training.evaluate(model, dataset, batch_size, split=values.split)
    split = values.split.replace("_", "-")
    print(f"{dataset.name}, {split} images seen at {found.view}.")
    print(data_flags.figures(found))
    data_flags.say_unreadable(found.unreadable, "Images that could not be read and were not judged")
    if isinstance(found, keras_senet.training.MultiLabelEvaluation):
        print(found)
        return
    for truth, taken, images in found.confused():
        print(f"{images:6} of {truth} taken for {taken}")


def _of_run(values, batch_size):
    """Model, data, their division and batch size of a finished run; flags come before its own."""
    workdir = data_flags.workdir(values)
    path, summary = workdir / "model.keras", workdir / "summary.json"
    if not path.exists():
        raise ValueError(f"No finished run in --workdir={values.workdir}: it has no model.keras.")
    for flag in ("model", "image_size"):
        if values[flag].present:
            raise ValueError(
                f"--{flag} and --workdir exclude each other in evaluation: the run has its own. "
                f"Pass --weights={path} in place of --workdir."
            )
    source, division = values.data, data_flags.division(values)
    if not (values["data"].present and values["batch_size"].present):
        if not summary.exists():
            raise ValueError(
                f"{summary} is missing, which says what data the run had. Pass --data and "
                "--batch_size, or repeat the training command, which writes it."
            )
        run = json.loads(summary.read_text())
        if not values["data"].present:
            source = run.get("source", run["data"])  # runs of earlier versions have a name alone
            division = division or run.get("division")
            if source is None:
                raise ValueError(f"{summary} does not say where {run['data']} lies. Pass --data.")
        if not values["batch_size"].present:
            batch_size = run["recipe"]["batch_size"]
    return mistakes.load_model(path), source, division, batch_size
