"""An artefact run beside the Keras model it came from."""

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import os
import pathlib
import statistics
import time
from collections.abc import Iterable, Sequence

import keras
import numpy as np

from keras_senet.data import Dataset
from keras_senet.data.classes import class_indices
from keras_senet.data.multi_label import as_multi_hot
from keras_senet.export.contract import contract, label_threshold
from keras_senet.export.datasets import held_out
from keras_senet.export.images import examples
from keras_senet.export.measure.footprint import footprint
from keras_senet.export.models import exportable, predicted
from keras_senet.export.report import Report
from keras_senet.export.saved_model import SavedModel
from keras_senet.export.tflite.litert import LiteRT, end, program
from keras_senet.mistakes import first_line

WARMUP_RUNS = 5
TIMED_RUNS = 50


def verify(
    model: keras.Model,
    path: str | os.PathLike,
    images: Dataset | np.ndarray | Iterable,
    labels: np.ndarray | Sequence[int] | None = None,
) -> Report:
    """Runs an artefact and the model on the same images.

    Args:
        model: The Keras model; mixed precision is rebuilt in float32, as for export.
        path: What `to_tflite` (a file) or `to_saved_model` (a folder) wrote.
        images: `(N, H, W, C)` in the range that the model takes; or a `keras_senet.data.Dataset`
            (its held-out images), or a `tf.data.Dataset`, list or generator of images or batches,
            alone or with labels.
        labels: `(N,)` class indices, or `(N, K)` of 0 and 1 for a model of any number of labels,
            for accuracies; `None`: those that came with the images.

    Returns:
        A `Report`.

    Raises:
        FileNotFoundError: If nothing is there.
        ValueError: If the file is no artefact of one image and one output, images or labels have
            the wrong shape, a label is no class of the model, images are not finite or certainly
            not in the range that the model takes, or an output is not finite.

    Example:
        >>> model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))()
        >>> path = keras_senet.export.to_tflite(model, "model.tflite")
        >>> images, labels = keras_senet.data.load("digits").held_out_arrays(64)
        >>> verify(model, path, images, labels).top1_agreement
        1.0
    """
    model = exportable(model)
    path = pathlib.Path(path)
    runner, known = _runner(path), contract(model)
    is_file = isinstance(runner, LiteRT)
    threshold = label_threshold(model)
    several = threshold is not None
    images, labels = _examples(model, images, labels, runner.shape, known)
    expected = predicted(model, images)
    received = runner(images)
    _check_outputs(expected, received, path)
    difference = np.abs(expected - received)
    named, model_named = (_classes(outputs, known, threshold) for outputs in (received, expected))
    has_accuracy = named is not None and labels is not None
    if has_accuracy and several:
        labels = as_multi_hot(labels)
    elif has_accuracy:
        labels = class_indices(labels, max(2, expected.shape[-1]))
    return Report(
        path=str(path),
        kind="tflite" if is_file else "saved_model",
        bytes=_size(path),
        images=len(images),
        largest_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
        top1_agreement=None if named is None else _same(named, model_named),
        accuracy=_same(named, labels) if has_accuracy else None,
        model_accuracy=_same(model_named, labels) if has_accuracy else None,
        latency_ms=_latency(runner, images[:1]),
        top5_agreement=None if named is None or several else _top5(received, expected),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest() if is_file else None,
        versions=_versions(),
        input={
            **_end(runner.image, known.input_range),
            "view": known.view and dataclasses.asdict(known.view),
        },
        output={**_end(runner.output, known.output_range), "meaning": known.output},
        heap_bytes=footprint(path).heap_bytes if is_file else None,
        **(dataclasses.asdict(program(runner)) if is_file else {}),
    )


def _examples(model, images, labels, shape, known) -> tuple[np.ndarray, np.ndarray | None]:
    """Images in float32 and their labels, given or delivered with the images."""
    delivered = None
    if isinstance(images, Dataset):
        images, delivered = held_out(images, model, shape[0])
    images, with_them = examples(images, shape, known)
    labels = next((x for x in (labels, delivered, with_them) if x is not None), None)
    if labels is not None:
        _check_labels(labels, len(images), model)
    return images.astype("float32"), labels


def _check_labels(labels, images, model):
    expected, what = [(images,)], "one class"
    if label_threshold(model) is not None:
        count = model.outputs[0].shape[-1]
        what = f"0 or 1 for each of {count} labels"
        expected = [(images, count), *(expected if count == 1 else [])]
    if np.shape(labels) not in expected:
        raise ValueError(
            f"Argument `labels` must have {what} for each of {images} images. Received: "
            f"shape {np.shape(labels)}"
        )


def _check_outputs(expected, received, path):
    for name, output in (("model", expected), ("artefact", received)):
        if not np.isfinite(output).all():
            raise ValueError(f"The {name} returned values that are not finite. Check its weights.")
    if expected.shape != received.shape:
        raise ValueError(
            f"The model returned {expected.shape}, {path} {received.shape}: the artefact is of "
            "another model. Export it again."
        )


def _same(some, others):
    """Share of rows that are the same."""
    return float(np.mean((some == others).reshape(len(some), -1).all(-1)))


def _classes(outputs, known, threshold):
    """The class that each row names, `(N,)`, or `None` if the outputs name none.

    Of any number of labels, whether each row names them, `(N, K)`.
    """
    if threshold is not None:
        return (outputs > threshold).astype("int32")
    if outputs.ndim != 2 or known.output == "features":
        return None
    if outputs.shape[-1] > 1:
        return outputs.argmax(-1)
    return (outputs[:, 0] > 0.5).astype(int) if known.output == "probability" else None


def _end(details, known):
    """The input or output, with the range that its integers can express, or else the model's."""
    found = end(details)
    return found if "scale" in found else {**found, "range": known and list(known)}


def _runner(path):
    """The artefact as a function from images to outputs, with the shape of an image."""
    if not path.exists():
        raise FileNotFoundError(f"Expected a .tflite file or a SavedModel folder at {path}.")
    try:
        return SavedModel(path) if path.is_dir() else LiteRT(path)
    except (OSError, AttributeError, KeyError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"Expected a .tflite file or a SavedModel with the endpoint `serve`, as to_saved_model "
            f"writes it. Received: {path}, which does not load: {first_line(error)}"
        ) from error


def _top5(received, expected):
    best = [np.argsort(-outputs, -1)[:, :5] for outputs in (received, expected)]
    shares = [len(set(a) & set(b)) / len(b) for a, b in zip(*best, strict=True)]
    return float(np.mean(shares))


def _size(path):
    """Bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def _versions():
    packages = ("keras", "tensorflow", "ai-edge-litert", "litert-quantizer", "keras-senet")
    found = {}
    for package in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def _latency(run, image):
    times = []
    for _ in range(WARMUP_RUNS + TIMED_RUNS):
        start = time.perf_counter()
        run(image)
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times[WARMUP_RUNS:])
