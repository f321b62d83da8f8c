"""Names what is in pictures: keras-senet predict photo.jpg ...

Without --weights by the network that comes with the package, which knows the ten classes of
CIFAR-10.
"""

import os
import sys
import typing
from collections.abc import Sequence

import keras
import numpy as np
from absl import flags

from keras_senet import mistakes
from keras_senet.cli import program
from keras_senet.data.decode import load_image
from keras_senet.surgery.made_by import POOLING, holds_probabilities, is_idle, made_by
from keras_senet.weights.labels import CLASSES, imagenet_classes
from keras_senet.weights.named_classes import class_names, is_multi_label, numbered
from keras_senet.weights.records.table import find

PACKAGED = "keras_senet/se_resnet20.cifar10"
MOST_NAMES = 20  # so many classes are listed


class Answer(typing.NamedTuple):
    """A class and its score.

    Attributes:
        name: Name of the class.
        score: Output of the network: a probability where its classifier ends in a softmax or
            sigmoid.
    """

    name: str
    score: float


def load(weights: str | os.PathLike) -> tuple[keras.Model, tuple[str, ...]]:
    """The network of a weight set or of a run, and the names of its classes.

    Args:
        weights: Name of a weight set in `keras_senet.weights.table()`, or path of a `.keras` file.

    Returns:
        The model, and K names in the order of its outputs, as of `numbered` where it has none.

    Raises:
        ValueError: If it is neither, the file cannot be fetched or read, or has no classifier.
    """
    record = None if os.path.exists(weights) else find(os.fspath(weights))
    if record is not None and not record.classes:
        raise ValueError(f"{record.name} has no classifier: it names nothing. Fine-tune it first.")
    model = mistakes.load_model(weights)
    if len(model.outputs) != 1 or len(model.outputs[0].shape) != 2:
        raise ValueError(f"{weights} is no classifier: its outputs are {model.output_shape}.")
    if type(made_by(model.outputs[0], is_idle)).__name__ in POOLING:
        raise ValueError(
            f"{weights} has no classifier: its {model.output_shape[-1]} outputs are features of "
            "the image, not scores. Expected a network that was built with its classifier."
        )
    classes = model.output_shape[-1]
    names = class_names(model)
    if names is None and record is not None and classes == CLASSES:
        names = tuple(name for _, name, _ in imagenet_classes())
    return model, names or numbered(classes)


def likeliest(
    model: keras.Model, path: str | os.PathLike | bytes, names: Sequence[str], top: int = 3
) -> list[Answer]:
    """The classes that a network finds likeliest in a picture, the best first.

    Args:
        model: A model of this package with its classifier, from images to K scores.
        path: An image file, or the bytes of one; it is seen as `keras_senet.load_image` says.
        names: Names of the K classes.
        top: Number of classes to return, K if there are fewer.

    Raises:
        ValueError: If the file is no image, or the model does not say what it sees of one.
    """
    (scores,) = model.predict(load_image(path, model), verbose=0)
    if np.isnan(scores).any():
        raise ValueError(f"Scores of {model.name!r} are not numbers (NaN). Check its weights.")
    best = map(int, (-scores).argsort()[:top])
    return [Answer(names[index], float(scores[index])) for index in best]


def run(arguments: Sequence[str]) -> None:
    """The command, on its command line without the program's name."""
    values = program.flag_values()
    add = program.adder(values)
    add(
        flags.DEFINE_string,
        "weights",
        PACKAGED,
        "Name of a weight set, or a .keras file of a run.",
    )
    flags.DEFINE_alias("model", "weights", flag_values=values)
    add(flags.DEFINE_integer, "top", 3, "Classes to print for each picture.", lower_bound=1)
    program.run(_main, values, arguments, __doc__)


def _main(values, pictures):
    """Prints a line for each class of each picture."""
    if not pictures:
        raise ValueError("Expected one or more image files.")
    model, names = load(values.weights)
    known = ", ".join(names) if len(names) <= MOST_NAMES else f"{len(names)} classes"
    several = "any number of" if is_multi_label(model) else "one of"
    print(f"{values.weights} answers with {several}: {known}.")
    unread = 0
    for path in pictures:
        try:
            answers = likeliest(model, path, names, values.top)
        except (OSError, ValueError) as error:  # the other pictures are named all the same
            print(_why_not(path) or mistakes.first_line(error), file=sys.stderr)
            unread += 1
            continue
        print(path)
        for name, score in answers:
            print(f"  {_written(score, model)}  {name}")
    if unread:
        sys.exit(mistakes.EXIT_CODE)


def _why_not(path):
    """Why a path is no file, in words; `None` for one that is."""
    if "://" in path and not os.path.exists(path):
        return f"{path} is an address. Expected an image file: download it first."
    if os.path.isdir(path):
        return f"{path} is a folder. Expected image files: {os.path.join(path, '*.jpg')}"
    return None if os.path.exists(path) else f"{path} is not there. Expected an image file."


def _written(score, model):
    """A probability in percent, any other score as it is."""
    if holds_probabilities(model.outputs[0]):
        return f"{score:6.1%}"
    return f"{score:8.4g}"
