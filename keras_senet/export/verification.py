"""An artefact run beside the Keras model it came from."""

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import os
import pathlib
import statistics
import time
import typing
import warnings
from collections.abc import Iterable, Sequence

import keras
import numpy as np

from keras_senet.data import Dataset
from keras_senet.data.classes import class_indices, say_if_unnamed
from keras_senet.data.multi_label import as_multi_hot
from keras_senet.export.agreement import naming, same, unit
from keras_senet.export.contract import contracts, label_threshold
from keras_senet.export.datasets import held_out, names_classes, not_judged
from keras_senet.export.images import examples
from keras_senet.export.measure.footprint import footprint
from keras_senet.export.measure.intermediates import largest_intermediate
from keras_senet.export.models import exportable, predicted
from keras_senet.export.onnx_file import OnnxFile
from keras_senet.export.outputs import matched
from keras_senet.export.report import OutputReport, Report
from keras_senet.export.saved_model import SavedModel
from keras_senet.export.tflite.litert import LiteRT, end, program
from keras_senet.export.tflite.metadata import stated_labels
from keras_senet.mistakes import first_line
from keras_senet.weights.named_classes import class_names, misplaced

WARMUP_RUNS = 5
TIMED_RUNS = 50


def verify(
    model: keras.Model,
    path: str | os.PathLike,
    images: Dataset | np.ndarray | Iterable,
    labels: np.ndarray | Sequence[int] | None = None,
    *,
    logits: Sequence[str] = (),
) -> Report:
    """Runs an artefact and the model on the same images, and compares each output.

    Args:
        model: The Keras model; mixed precision is rebuilt in float32, as for export.
        path: What `to_tflite` or `to_onnx` (a file) or `to_saved_model` (a folder) wrote.
        images: `(N, H, W, C)` in the range that the model takes; or a `keras_senet.data.Dataset`
            (its held-out images), or a `tf.data.Dataset`, list or generator of images or batches,
            alone or with labels.
        labels: `(N,)` class indices or one-hot `(N, K)`, or `(N, K)` of 0 and 1 for a model of any
            number of labels, for accuracies of one output, of images that come without; `None`:
            those that came with the images.
        logits: Names of the outputs `(N, ..., K)` that are scores of K classes, where no softmax or
            sigmoid tells, of maps and of models of several outputs: what they name is compared too.
            `"output"` is the name of one.

    Returns:
        A `Report`.

    Raises:
        FileNotFoundError: If nothing is there.
        ValueError: If the file is no artefact of one image or of another model, or names its
            classes otherwise, images or labels have the wrong shape, a label is no class of the
            model, images are not finite or certainly not in the range that the model takes, or an
            output is not finite.

    Example:
        >>> model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))()
        >>> path = keras_senet.export.to_tflite(model, "model.tflite")
        >>> images, labels = keras_senet.data.load("digits").held_out_arrays(64)
        >>> verify(model, path, images, labels).top1_agreement
        1.0
    """
    model = exportable(model)
    path = pathlib.Path(path)
    runner, ends = _runner(path), contracts(model)
    known = next(iter(ends.values()))  # of the image all say the same
    threshold = label_threshold(model)
    _check_logits(logits, ends)
    if isinstance(runner, LiteRT):
        _check_names(path, model)
    images, labels = _examples(model, images, labels, runner.shape, known)
    expected = predicted(model, images)
    received = matched(expected, runner.run(images), path)
    details = matched(expected, runner.outputs, path)
    outputs, differences = {}, []
    for name, value in expected.items():
        _check_outputs(value, received[name], path, name if len(expected) > 1 else None)
        differences.append(np.abs(value - received[name]))
        end = {
            **_end(details[name], ends[name].output_range),
            "meaning": ends[name].output,
        }
        scores = value.ndim == 2 and len(expected) == 1  # logits of classes, as no box is alone
        named, model_named = (
            naming(one, ends[name].output, threshold, scores or name in logits)
            for one in (received[name], value)
        )
        outputs[name] = OutputReport(
            largest_difference=float(differences[-1].max()),
            mean_difference=float(differences[-1].mean()),
            agreement=None if named is None else same(named, model_named, threshold),
            compared=unit(value),
            end=end,
        )
    is_file = isinstance(runner, LiteRT)
    return Report(
        path=str(path),
        kind=runner.kind,
        bytes=_size(path),
        images=len(images),
        largest_difference=max(one.largest_difference for one in outputs.values()),
        mean_difference=_mean(differences),
        **_of_one_output(expected, received, outputs, labels, known, threshold),
        latency_ms=_latency(runner.run, images[:1]),
        largest_intermediate=largest_intermediate(model, images),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None,
        versions=_versions(),
        input={
            **_end(runner.image, known.input_range),
            "view": known.view and dataclasses.asdict(known.view),
        },
        outputs=outputs,
        heap_bytes=_heap_bytes(path, runner) if is_file else None,
        **(dataclasses.asdict(program(runner)) if is_file else {}),
    )


def _of_one_output(expected, received, outputs, labels, known, threshold):
    """What a report says of the classes of images: of several outputs, and of maps, nothing."""
    found: dict[str, typing.Any] = dict.fromkeys(
        ("top1_agreement", "top5_agreement", "accuracy", "model_accuracy")
    )
    if len(outputs) > 1:
        return found
    ((name, one),) = outputs.items()
    found["output"] = one.end
    if one.compared != "images" or one.agreement is None:
        return found
    scores = received[name], expected[name]
    named = [naming(values, known.output, threshold, logits=True) for values in scores]
    found["top1_agreement"] = one.agreement
    if threshold is None:
        found["top5_agreement"] = _top5(*scores)
    if labels is not None:
        if threshold is not None:
            labels = as_multi_hot(labels)
        else:
            labels = class_indices(labels, max(2, expected[name].shape[-1]))
        found["accuracy"], found["model_accuracy"] = (same(x, labels, threshold) for x in named)
    return found


def _examples(model, images, labels, shape, known) -> tuple[np.ndarray, np.ndarray | None]:
    """Images in float32 and their labels, given or delivered with the images."""
    delivered = None
    if isinstance(images, Dataset):
        images, delivered = held_out(images, model, shape[0])
    data = images
    images, with_them = examples(data, shape, known)
    judged = labels is None and with_them is not None and names_classes(model, least=1)
    if judged and (sentence := not_judged(model, data)):
        warnings.warn(f"{sentence} No accuracy is judged on them.", stacklevel=3)
        with_them = None
    if with_them is not None and np.shape(with_them) not in _label_shapes(len(images), model):
        with_them = None  # of something else than the classes of the model
    if len(model.outputs) > 1:
        _refuse_labels(labels, model)
        delivered = with_them = None
    theirs = next((x for x in (delivered, with_them) if x is not None), None)
    if labels is not None:
        _check_labels(labels, theirs, len(images), model)
    elif theirs is not None:
        labels = theirs
        say_if_unnamed(model, data)
    return images.astype("float32"), labels


def _refuse_labels(labels, model):
    if labels is not None:
        raise ValueError(
            "Argument `labels` is for a model with one output of classes. Received: labels for "
            f"{model.name!r}, which has {len(model.outputs)}. Leave them out."
        )


def _check_names(path, model):
    """Raises a ValueError if a file with the model's outputs gives them the names of others."""
    known, stated = class_names(model), stated_labels(path)
    if known is None or stated is None:
        return
    sentence = misplaced(stated, known) if len(stated) == len(known) else f"It has {len(stated)}."
    if sentence:
        raise ValueError(
            f"The labels in {path} are not those of the model's {len(known)} classes. {sentence} "
            "Export it again."
        )


def _check_logits(logits, ends):
    unknown = [logits] if isinstance(logits, str) else [x for x in logits if x not in ends]
    if unknown:
        raise ValueError(
            f"Argument `logits` must be a list of names of the model's outputs, {', '.join(ends)}. "
            f"Received: {unknown[0]!r}"
        )


def _check_labels(labels, theirs, images, model):
    if theirs is not None:
        raise ValueError(
            "Argument `labels` is for images that come without. Received: labels, and images with "
            "labels of their own. Leave one of them out."
        )
    what = "one class"
    if label_threshold(model) is not None:
        what = f"0 or 1 for each of {model.outputs[0].shape[-1]} labels"
    if np.shape(labels) not in _label_shapes(images, model):
        raise ValueError(
            f"Argument `labels` must have {what} for each of {images} images. Received: "
            f"shape {np.shape(labels)}"
        )
    if not names_classes(model, least=1):
        raise ValueError(
            f"Argument `labels` is for scores of classes. Received: labels for {model.name!r}, "
            f"whose output is {tuple(model.outputs[0].shape)}. Leave them out."
        )


def _label_shapes(images, model):
    """Shapes that the labels of so many images may have."""
    count = model.outputs[0].shape[-1]
    if label_threshold(model) is not None and count > 1:
        return [(images, count)]
    return [(images,), (images, 1), (images, count)]


def _check_outputs(expected, received, path, name):
    where = "" if name is None else f" in {name!r}"
    for source, output in (("model", expected), ("artefact", received)):
        if not np.isfinite(output).all():
            raise ValueError(
                f"The {source} returned values that are not finite{where}. Check its weights."
            )
    if expected.shape != received.shape:
        raise ValueError(
            f"The model returned {expected.shape}{where}, {path} {received.shape}: the artefact is "
            "of another model. Export it again."
        )


def _mean(differences):
    return float(sum(x.sum(dtype="float64") for x in differences) / sum(map(np.size, differences)))


def _end(details, known):
    """The input or output, with the range that its integers can express, or else the model's."""
    found = end(details)
    return found if "scale" in found else {**found, "range": known and list(known)}


def _runner(path):
    """The artefact as a function from images to outputs, with the shape of an image."""
    if not path.exists():
        raise FileNotFoundError(
            f"Expected a .tflite or .onnx file or a SavedModel folder at {path}."
        )
    kind = SavedModel if path.is_dir() else OnnxFile if path.suffix == ".onnx" else LiteRT
    try:
        return kind(path)
    except (OSError, AttributeError, KeyError, RuntimeError, ValueError) as error:
        raise ValueError(
            "Expected a .tflite or .onnx file or a SavedModel with the endpoint `serve`, as "
            f"to_saved_model writes it. Received: {path}, which does not load: {first_line(error)}"
        ) from error


def _heap_bytes(path, runner):
    """Memory of a file that is loaded, for the images that it ran on."""
    return footprint(path, runner.image["shape"] if None in runner.shape else None).heap_bytes


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
