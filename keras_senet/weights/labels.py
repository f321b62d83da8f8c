"""Names of classes: ImageNet's 1000, also in the order of the authors' Caffe models, and others."""

import csv
import functools
import pathlib
from collections.abc import Sequence

import numpy as np

from keras_senet.weights.fields import is_integer

# WordNet ids and names from https://github.com/huggingface/pytorch-image-models (Apache-2.0).
FILE = pathlib.Path(__file__).with_name("imagenet_classes.csv")
CLASSES = 1000
ORDERS = ("imagenet", "caffe")


@functools.cache
def imagenet_classes():
    """WordNet ids, names and places in the Caffe models' order, in the usual order (of the ids).

    Returns:
        A tuple of 1000 triples (str, str, int).
    """
    with FILE.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return tuple((row["wnid"], row["name"], int(row["caffe_index"])) for row in rows)


def from_caffe(values):
    """Classes on the first axis from the order of the Caffe models to the usual one.

    The Caffe models have the order of the challenge of 2017. The permutation was found by joining
    that challenge's list of validation images with the public one; a few pairs of classes that
    the labels themselves confuse (maillot and swimsuit, two kinds of screen) may be swapped.

    Args:
        values: Array of 1000 classes on its first axis; with other sizes it is returned as it is.
    """
    if values.shape[0] != CLASSES:
        return values
    return values[[place for _, _, place in imagenet_classes()]]


def decode_predictions(
    predictions: np.ndarray, top: int = 5, labels: str | Sequence[str] = "imagenet"
) -> list[list[tuple[str, str, float]]]:
    """The likeliest classes, with their names.

    Args:
        predictions: Probabilities or logits `(N, K)` of a model of this package, or the integers
            that its file gives; K is 1000 for the orders of ImageNet.
        top: Number of classes to return.
        labels: Order of the classes: `"imagenet"` (sorted WordNet ids: that of all weight sets of
            ImageNet once they are loaded, the Caffe models' included), `"caffe"` for outputs that
            Caffe itself computed, or the names of other K classes in the order of the outputs, as
            `keras_senet.weights.class_names(model)` returns them.

    Returns:
        For each of N images a list of `top` triples, the best first: identifier (the WordNet id;
        of other classes the index of the output as text), name, score.

    Raises:
        ValueError: If the shape, `top` or `labels` is none of these, or a score is NaN.

    Example:
        >>> decode_predictions(np.eye(1000)[[207]], top=1)
        [[('n02099601', 'golden retriever', 1.0)]]
        >>> decode_predictions(np.array([[0.2, 0.8]]), top=1, labels=("cat", "dog"))
        [[('1', 'dog', 0.8)]]
    """
    predictions = np.asarray(predictions).astype("float64")  # unsigned numbers have no negatives
    classes = _identified(labels)
    if predictions.ndim != 2 or predictions.shape[1] != len(classes):
        raise ValueError(
            f"Expected predictions (N, {len(classes)}), for so many classes are named. Received: "
            f"shape {predictions.shape}. The names of a trained network's classes: "
            "labels=keras_senet.weights.class_names(model)"
        )
    if np.isnan(predictions).any():
        raise ValueError("Expected scores of classes. Received: predictions that hold NaN.")
    if not is_integer(top) or not 1 <= top <= len(classes):
        raise ValueError(f"Argument `top` must be in 1..{len(classes)}. Received: {top!r}")
    if isinstance(labels, str) and labels == "caffe":
        predictions = from_caffe(predictions.T).T
    return [
        [(*classes[index], float(row[index])) for index in np.argsort(-row, kind="stable")[:top]]
        for row in predictions
    ]


def _identified(labels):
    """Pairs of identifier and name for each class."""
    if isinstance(labels, str) and labels in ORDERS:
        return [(wnid, name) for wnid, name, _ in imagenet_classes()]
    is_ordered = isinstance(labels, (Sequence, np.ndarray)) and not isinstance(labels, str)
    names = list(labels) if is_ordered else []
    if not names or not all(isinstance(name, str) for name in names):
        raise ValueError(
            f"Argument `labels` must be one of {ORDERS} or the names of the classes in the order "
            f"of the outputs, a list or tuple. Received: {labels!r:.100}"
        )
    return [(str(index), name) for index, name in enumerate(names)]
