"""Which images are held out, chosen anew: a share of each class, or one of several folds."""

import copy
import logging
import re

import numpy as np

from keras_senet.data.checks import as_count
from keras_senet.data.dataset import Dataset
from keras_senet.data.limits import Limit
from keras_senet.data.multi_label import spread
from keras_senet.data.split import Split

logger = logging.getLogger("keras_senet")

SHARE = Limit(0, 1, above=True, below=True)


def hold_out(dataset: Dataset, share: float) -> Dataset:
    """A copy of a data set that holds out another share of its images.

    Images to learn from and held-out ones are taken together. Of each class those are held out that
    are evenly spaced in the order of their paths, or of arrays, from the first; the test split
    stays as it is. Of images with any number of labels those of the rarest label are taken first,
    then those of the next rarest, so that each label has its part.

    Args:
        dataset: A `Dataset` of paths or pixels.
        share: Share of each class, between 0 and 1.

    Raises:
        ValueError: If the share is no such number, a class has too few images for it, an image
            comes twice, or the data set is one of records, or long-tailed.

    Example:
        >>> digits = keras_senet.data.load("digits")
        >>> len(digits.held_out), len(hold_out(digits, 0.1).held_out)
        (364, 185)
    """
    if not SHARE.allows(share):
        raise ValueError(
            "`hold_out` takes the share of each class, a number between 0 and 1, such as 0.1. "
            f"Received: {share!r}"
        )

    def chosen(number):
        # 0.1 * 30 is not quite 3 in floats.
        return np.ceil(np.round((number + 1) * share, 6)) > np.ceil(np.round(number * share, 6))

    return _divided(dataset, chosen, f"hold_out {float(share)!r}")


def fold(dataset: Dataset, number: int, count: int) -> Dataset:
    """A copy of a data set that holds out one of `count` folds, for cross-validation.

    As in `hold_out` images are taken together, in the order of their paths; each is held out in
    exactly one fold, and each fold has its part of every class.

    Args:
        dataset: A `Dataset` of paths or pixels.
        number: Number of the fold, from 1.
        count: How many folds there are, from 2.

    Raises:
        ValueError: If there is no such fold, or as in `hold_out`.

    Example:
        >>> digits = keras_senet.data.load("digits")
        >>> sum(len(fold(digits, number, 5).held_out) for number in range(1, 6))
        1797
    """
    as_count(count, "count", least=2)
    if as_count(number, "number") > count:
        raise ValueError(f"Expected a fold from 1 to {count}. Received: {number}")
    return _divided(dataset, lambda index: index % count == number - 1, f"fold {number}/{count}")


def divided(dataset: Dataset, division: str) -> Dataset:
    """The data set divided as words say: `"hold_out 0.1"` or `"fold 2/5"`.

    Raises:
        ValueError: If these are other words, or as in `hold_out`.
    """
    numbers = re.fullmatch(r"fold (\d+)/(\d+)", division)
    if numbers is not None:
        return fold(dataset, int(numbers[1]), int(numbers[2]))
    what, _, share = division.partition(" ")
    try:
        number = float(share)
    except ValueError:
        number = None
    if what != "hold_out" or number is None:
        raise ValueError(
            f"Expected 'hold_out SHARE', as 'hold_out 0.1', or 'fold NUMBER/COUNT', as 'fold 2/5'. "
            f"Received: {division!r}"
        )
    return hold_out(dataset, number)


def _divided(dataset, chosen, words):
    both = together(dataset)
    names = np.arange(len(both)) if both.holds_pixels else both.items
    held = np.zeros(len(both), bool)
    if dataset.multi_label:
        held[spread(both.labels, names)] = chosen(np.arange(len(both)))
    else:
        order = np.argsort(names, kind="stable")
        order = order[np.argsort(both.labels[order], kind="stable")]
        labels = both.labels[order]
        begin = np.searchsorted(labels, labels)  # of each one's class
        held[order] = chosen(np.arange(len(both)) - begin)
    what = "Label" if dataset.multi_label else "Class"
    for label, name in enumerate(dataset.class_names):
        of_class = held[both.labels[:, label] == 1 if dataset.multi_label else both.labels == label]
        if not 0 < of_class.sum() < len(of_class):
            raise ValueError(
                f"{what} {name!r} of {dataset.name} has {len(of_class)} images, of which "
                f"{of_class.sum()} are held out by {words}. Expected some, and some to learn from."
            )
    logger.info("%s: %d of %d images are held out.", words, held.sum(), len(both))
    return dataset.replace(
        name=f"{dataset.name}, {words}",
        division=words,
        training=both.subset(np.flatnonzero(~held)),
        held_out=both.subset(np.flatnonzero(held)),
    )


def together(dataset):
    """A `Split` of the images to learn from and of those held out."""
    splits = dataset.training, dataset.held_out
    if dataset.long_tail is not None:
        raise ValueError(
            f"{dataset.name} holds out images as it did before its classes shrank. Expected the "
            "division first: hold_out(dataset, 0.1).long_tailed(100)."
        )
    if not all(isinstance(split, Split) for split in splits):
        raise ValueError(
            f"{dataset.name} reads its splits from records, which are not divided anew. Expected a "
            "folder or arrays."
        )
    both = copy.copy(splits[0])  # not checked again
    object.__setattr__(both, "items", np.concatenate([split.items for split in splits]))
    object.__setattr__(both, "labels", np.concatenate([split.labels for split in splits]))
    if not both.holds_pixels:
        names, counts = np.unique(both.items, return_counts=True)
        if counts.max() > 1:
            raise ValueError(
                f"{dataset.name} has {names[counts.argmax()]} more than once: it would be learned "
                "from and judged."
            )
    return both
