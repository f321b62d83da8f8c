"""Checks before the first step: data set, recipe and devices."""

import keras
import numpy as np

from keras_senet.architectures import Architecture
from keras_senet.data import Dataset
from keras_senet.data.multi_label import check_presence
from keras_senet.training.losses import check_loss
from keras_senet.training.recipe import Recipe
from keras_senet.training.saving import Saving

NAMED = 5  # classes in a message
VALUES = {
    "architecture": (Architecture, "an architecture, such as keras_senet.SEResNet50"),
    "dataset": (Dataset, "a Dataset, such as keras_senet.data.load('digits')"),
    "recipe": (Recipe, "a Recipe, such as keras_senet.training.DIGITS"),
    "saving": (Saving, "a Saving, such as keras_senet.training.Saving(steps=100)"),
}
# Keras' callbacks that set the learning rate, which a recipe's schedule computes.
RATES = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)
LISTS = {
    "callbacks": (keras.callbacks.Callback, "keras.callbacks.CSVLogger('log.csv')"),
    "metrics": (keras.metrics.Metric, "keras.metrics.AUC()"),
}


def check_types(**arguments):
    """Raises a ValueError for an argument of `train` that is none of what it takes.

    Args:
        **arguments: Those of the names in `VALUES` and `LISTS`.
    """
    for name, (kind, words) in VALUES.items():
        value = arguments[name]
        if not isinstance(value, kind):
            called = " It is called by `train`." if isinstance(value, keras.Model) else ""
            raise ValueError(
                f"Argument `{name}` must be {words}.{called} Received: {value!r:.60} of type "
                f"{type(value).__name__}"
            )
    for name, (kind, example) in LISTS.items():
        value = arguments[name]
        is_list = isinstance(value, (list, tuple))
        others = [one for one in value if not isinstance(one, kind)] if is_list else [value]
        if others:
            raise ValueError(
                f"Argument `{name}` must be a list of Keras {name}, such as [{example}]. "
                f"Received: {others[0]!r:.60}"
            )
    for callback in arguments["callbacks"]:
        if isinstance(callback, RATES):
            raise ValueError(
                "Argument `callbacks` must leave the learning rate to the recipe, to its fields "
                "`learning_rate`, `schedule`, `drops` and `warmup_epochs`. Received: "
                f"{type(callback).__name__}"
            )


def check_quantization(recipe, quantize, weights, precision):
    """Raises a ValueError if these arguments of `train` and a recipe do not fit one another."""
    if recipe.quantization_aware and quantize is None:
        raise ValueError(
            f"Recipe {recipe.name!r} trains with the rounding of int8. Expected "
            "quantize=keras_senet.export.quantization_aware. Received: quantize=None"
        )
    if not recipe.quantization_aware:
        if quantize is not None:
            raise ValueError(
                "Argument `quantize` is for recipes with quantization_aware=True, such as "
                f"training.QUANTIZATION_AWARE. Received: recipe {recipe.name!r}"
            )
        return
    if weights is None:
        raise ValueError(
            f"Recipe {recipe.name!r} begins with a trained network. Expected its weights, such as "
            "weights='runs/digits/model.keras'. Received: weights=None"
        )
    if precision not in ("auto", "float32"):
        raise ValueError(
            f"Recipe {recipe.name!r} rounds to int8 in float32. Expected precision='float32' or "
            f"'auto'. Received: {precision!r}"
        )


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
