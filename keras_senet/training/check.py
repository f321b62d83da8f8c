"""Checks before the first step: data set, recipe and devices."""

import numpy as np

from keras_senet.data.multi_label import check_presence
from keras_senet.training.losses import check_loss

NAMED = 5  # classes in a message


def check(dataset, recipe, *, replicas=1, processes=1):
    """Raises an error if data set, recipe and devices do not fit one another.

    Args:
        dataset: A `keras_senet.data.Dataset`.
        recipe: A `Recipe`.
        replicas: Number of devices that train together.
        processes: Number of processes that train together.

    Raises:
        ValueError: If labels and classes, sizes, or the parts of a batch do not fit.
    """
    dataset.check_labels()
    if dataset.multi_label:
        _check_labels(dataset, recipe)
    else:
        _check_classes(dataset)
    if recipe.image_size not in (None, dataset.image_size):
        raise ValueError(
            f"The recipe trains at {recipe.image_size} pixels, {dataset.name} delivers "
            f"{dataset.image_size}. Load it with `image_size={recipe.image_size}`, or replace the "
            "recipe's `image_size`."
        )
    _check_batch(dataset, recipe, replicas)
    if processes > 1 and recipe.precise_bn_batches:
        raise ValueError(
            "Precise statistics of normalization need one process: set `precise_bn_batches=0`. "
            f"Received: precise_bn_batches={recipe.precise_bn_batches}, {processes} processes"
        )


def _check_batch(dataset, recipe, replicas):
    count = len(dataset.training)
    if count < recipe.batch_size:
        raise ValueError(
            f"A batch of {recipe.batch_size} is larger than the {count} training images. Choose a "
            "smaller batch size."
        )
    if recipe.batch_size % (replicas * recipe.accumulation_steps):
        raise ValueError(
            f"Expected a batch size that {replicas} devices and {recipe.accumulation_steps} parts "
            f"of accumulation divide. Received: {recipe.batch_size}"
        )


def _check_labels(dataset, recipe):
    check_loss(recipe)
    check_presence(dataset)
    if recipe.sampling != "uniform":
        raise ValueError(
            "Field `sampling` must be 'uniform' where an image has any number of labels; "
            "class_weights='balanced' makes rare labels count more. Received: "
            f"{recipe.sampling!r}"
        )


def _check_classes(dataset):
    classes = len(dataset.class_names)
    empty = np.flatnonzero(np.bincount(dataset.training.labels, minlength=classes) == 0)
    if len(empty):
        names = ", ".join(dataset.class_names[index] for index in empty[:NAMED])
        raise ValueError(
            f"{len(empty)} of the {classes} classes of {dataset.name} have no image among its "
            f"{len(dataset.training)} training images: {names}{', ...' * (len(empty) > NAMED)}. "
            "Add images, or leave these classes out."
        )
