"""Names of ImageNet's 1000 classes, and their order in the authors' Caffe models."""

import csv
import functools
import pathlib

import numpy as np

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
    predictions: np.ndarray, top: int = 5, labels: str = "imagenet"
) -> list[list[tuple[str, str, float]]]:
    """The likeliest classes of ImageNet, with their names.

    Args:
        predictions: Probabilities or logits `(N, 1000)` of a model of this package.
        top: Number of classes to return.
        labels: Order of the classes: `"imagenet"` (sorted WordNet ids: that of all weight sets
            once they are loaded, the Caffe models' included), or `"caffe"` for outputs that Caffe
            itself computed.

    Returns:
        For each of N images a list of `top` triples (WordNet id, name, score), the best first.

    Raises:
        ValueError: If the shape, `top` or `labels` is none of these.

    Example:
        >>> decode_predictions(np.eye(1000)[[207]], top=1)
        [[('n02099601', 'golden retriever', 1.0)]]
    """
    predictions = np.asarray(predictions)
    if predictions.ndim != 2 or predictions.shape[1] != CLASSES:
        raise ValueError(
            f"Expected predictions (N, {CLASSES}) of ImageNet's classes. Received: shape "
            f"{predictions.shape}"
        )
    if labels not in ORDERS:
        raise ValueError(f"Argument `labels` must be one of {ORDERS}. Received: {labels!r}")
    if not 1 <= top <= CLASSES:
        raise ValueError(f"Argument `top` must be in 1..{CLASSES}. Received: {top!r}")
    if labels == "caffe":
        predictions = from_caffe(predictions.T).T
    classes = imagenet_classes()
    return [
        [(*classes[index][:2], float(row[index])) for index in np.argsort(-row)[:top]]
        for row in predictions
    ]
