"""The flags that training and evaluation share: data, network, weights and the folder of a run."""

import pathlib

from absl import flags

import keras_senet
from keras_senet.cli import program
from keras_senet.training.evaluation import SPLITS


def define(values: flags.FlagValues) -> None:
    """Adds the flags to a set."""
    add = program.adder(values)
    add(flags.DEFINE_string, "model", "SEResNet20", "Name of a network of keras_senet.")
    add(
        flags.DEFINE_string,
        "data",
        "digits",
        "digits, shapes, folder:PATH (a folder per class, or splits), csv:PATH (any number of "
        "labels an image), or tfds:NAME.",
    )
    add(flags.DEFINE_string, "workdir", None, "Folder of the run.")
    add(
        flags.DEFINE_string,
        "weights",
        None,
        "Name of a weight set or a weights file, to start from or to evaluate.",
    )
    add(flags.DEFINE_enum, "split", "held_out", SPLITS, "Images to evaluate on.")
    add(flags.DEFINE_float, "hold_out", None, "Share of each class to hold out anew.")
    add(flags.DEFINE_string, "fold", None, "As 2/5: hold out the second of five folds.")
    add(
        flags.DEFINE_integer,
        "max_bad_images",
        None,
        "Unreadable images to tolerate; default: a tenth of a split.",
    )


def division(values: flags.FlagValues) -> str | None:
    """The division of the data that the flags ask for, or `None`.

    Raises:
        ValueError: If they ask for two.
    """
    if values.hold_out is not None and values.fold is not None:
        raise ValueError("--hold_out and --fold exclude each other: give one.")
    if values.fold is not None:
        return f"fold {values.fold}"
    return None if values.hold_out is None else f"hold_out {values.hold_out}"


def load(
    values: flags.FlagValues, source: str, image_size: int, division: str | None
) -> keras_senet.data.Dataset:
    """The data set of a source, of which as many images may be unreadable as the flags say."""
    return keras_senet.data.load(
        source, image_size=image_size, max_bad_images=values.max_bad_images, division=division
    )


def workdir(values: flags.FlagValues) -> pathlib.Path:
    """The folder of the run; `~` is the home folder."""
    return pathlib.Path(values.workdir).expanduser()


def figures(found) -> str:
    """Accuracies and number of images of an `Evaluation` or a `MultiLabelEvaluation`."""
    if isinstance(found, keras_senet.training.MultiLabelEvaluation):
        return (
            f"mean average precision {found.mean_average_precision:.2%}, all labels right in "
            f"{found.exact_match:.2%}, {found.images} images"
        )
    return f"top-1 {found.top1:.2%}, top-5 {found.top5:.2%}, {found.images} images"


def say_unreadable(unreadable: dict[str, str], what: str) -> None:
    """Prints how many images could not be read, and the first of them with the reason."""
    if unreadable:
        path, reason = next(iter(unreadable.items()))
        print(f"{what}: {len(unreadable)}. The first: {path}: {reason}")
