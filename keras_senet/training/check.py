"""Checks before the first step: data set, recipe, devices, and the folder of the run."""

import os
import pathlib
import tempfile

import keras
import numpy as np

from keras_senet.training import distribution

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
    _check_classes(dataset)
    if recipe.image_size not in (None, dataset.image_size):
        raise ValueError(
            f"The recipe trains at {recipe.image_size} pixels, {dataset.name} delivers "
            f"{dataset.image_size}. Load it with `image_size={recipe.image_size}`, or replace the "
            "recipe's `image_size`."
        )
    _check_batch(dataset, recipe, replicas)
    mirrored = replicas > 1 and keras.backend.backend() == "tensorflow"
    # Keras would clip the gradients of each replica before their sum, and cannot accumulate there.
    if mirrored and (recipe.clip_norm is not None or recipe.accumulation_steps > 1):
        raise ValueError(
            "Several devices on TensorFlow can neither clip nor accumulate gradients. Set "
            "KERAS_BACKEND=jax, or `clip_norm=None` and `accumulation_steps=1`. Received: "
            f"clip_norm={recipe.clip_norm}, accumulation_steps={recipe.accumulation_steps}"
        )
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


def check_workdir(workdir: str | os.PathLike) -> None:
    """Raises an error if the files of a run cannot be written into its folder.

    The test file is removed. Processes other than the first write no files and check nothing.

    Args:
        workdir: The folder, which may be missing.

    Raises:
        OSError: If a file is in the way, or the folder cannot be written.
    """
    if distribution.process()[0]:
        return
    workdir = pathlib.Path(workdir)
    for folder in (workdir, workdir / "checkpoints"):
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        if not there.is_dir():
            raise NotADirectoryError(
                f"Expected a folder for the files of the run. Received: {workdir}, where {there} "
                "is a file. Choose another --workdir, or move the file away."
            )
        try:
            tempfile.TemporaryFile(dir=there).close()
        except OSError as error:
            raise PermissionError(
                f"Cannot write the files of the run into {folder} ({error.strerror}). Choose "
                "another --workdir, or change its permissions."
            ) from error
