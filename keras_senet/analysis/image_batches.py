"""Images and their labels, from any container, as batches of arrays."""

import typing
import warnings
from collections.abc import Iterable, Iterator

import numpy as np

from keras_senet.data import Dataset
from keras_senet.data.checks import FEW, as_labels, is_endless
from keras_senet.data.classes import class_indices, mismatch, names_of, say_if_unnamed
from keras_senet.surgery.graph import check_channels_last
from keras_senet.surgery.image_range import check_finite, doubt, image_range, misfit
from keras_senet.weights.named_classes import is_multi_label, misplaced

# Images, or images and labels: of a data set, in arrays, or batch by batch.
Data = Dataset | np.ndarray | tuple[np.ndarray, np.ndarray] | Iterable


def batches(data, batch_size, model=None):
    """Batches of images `(N, H, W, C)` and labels `(N,)`, or `None` where there are none.

    Args:
        data: A `keras_senet.data.Dataset`, a pair of arrays, an array of images, or an iterable
            of batches.
        batch_size: Images at a time; an iterable has its own.
        model: The model whose evaluation transform (view) a `Dataset`'s images go through; `None`
            for the data set's own.

    Raises:
        ValueError: If there is no image, a batch is no image batch, images are not finite or not
            in the range that the model takes, or the images of a `Dataset` have any number of
            labels.
    """
    check_one_class(data)
    if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise ValueError(
            f"Argument `batch_size` must be at least 1 image. Received: {batch_size!r}"
        )
    extent = None if model is None else image_range(model)
    seen, extremes = 0, np.zeros(0)
    for images, labels in _pairs(data, batch_size, model):
        images = np.asarray(images)
        labels = None if labels is None else as_labels(labels)[0]
        if images.ndim != 4 or (labels is not None and labels.shape != images.shape[:1]):
            raise ValueError(
                "Expected batches of images (N, H, W, C) and labels (N,). Received: images "
                f"{images.shape}, labels {None if labels is None else labels.shape}"
            )
        if not images.size:
            continue
        check_finite(images, "Images")
        values = np.array([*extremes, images.min(), images.max()])
        seen, extremes = seen + len(images), np.array([values.min(), values.max()])
        if seen > FEW:  # the first may be almost black
            _check_range(extremes, extent)
        yield images, labels
    if not seen:
        raise ValueError("Expected at least one image. Received no batch.")
    _check_range(extremes, extent)
    if model is not None and (sentence := doubt(extremes, extent)):
        warnings.warn(f"Argument `data` {sentence}", stacklevel=3)


def _check_range(extremes, extent):
    """Raises a ValueError if images of these values are certainly not in a range."""
    if isinstance(extent, tuple) and (sentence := misfit(extremes, extent)):
        raise ValueError(f"Images {sentence}")


def check_one_class(data):
    """Raises a ValueError if data are a `Dataset` whose images have any number of labels."""
    if getattr(data, "multi_label", False):
        raise ValueError(
            f"Images of {data.name} have any number of labels, and gates and accuracies are those "
            "of one class an image. Gates can be had without labels, of the images alone: pass "
            "dataset.seen_by(model).held_out_arrays()[0]."
        )


def labelled_batches(data, batch_size, model):
    """`batches` of data that must have labels, which number the classes of the model.

    Raises:
        ValueError: If they have none, or others, or the model has any number of labels an image.
    """
    if is_multi_label(model):
        raise ValueError(
            f"{model.name!r} was trained on labels of which an image has any number; this judges "
            "networks of one class an image. Expected such a network."
        )
    _check_scores(model)
    if sentence := mismatch(model, data):
        raise ValueError(f"{sentence} Accuracy needs the same, in the same order.")
    for images, labels in batches(data, batch_size, model):
        if labels is None:
            raise ValueError(
                "Accuracy needs labels. Expected a Dataset, or images (N, H, W, C) with labels "
                "(N,). Received images alone."
            )
        yield images, class_indices(labels, model.outputs[0].shape[-1])


def check_judgeable(model, data):
    """Raises a ValueError for data or a model that cannot be judged several times.

    These are a generator, which is empty once it was gone through, several inputs, and outputs
    that are no scores.
    """
    check_input(model)
    _check_scores(model)
    if isinstance(data, Iterator):
        raise ValueError(
            "Expected images that can be gone through several times: arrays, a list of batches, a "
            f"Dataset or a tf.data.Dataset. Received: a {type(data).__name__}, which can be once."
        )
    say_if_unnamed(model, data)


def check_input(model):
    """Raises a ValueError for a model of several inputs, or with channels first."""
    check_channels_last(model)
    shapes = [tuple(tensor.shape) for tensor in model.inputs]
    if len(shapes) != 1:
        raise ValueError(
            "Expected a network with one input, images (N, H, W, C). Received: "
            f"{model.name!r} with inputs {', '.join(map(str, shapes))}."
        )


def _check_scores(model):
    shapes = [tuple(output.shape) for output in model.outputs]
    if len(shapes) != 1 or len(shapes[0]) != 2:
        raise ValueError(
            "Accuracy needs a network from images to scores (N, classes). Received: "
            f"{model.name!r} with outputs {', '.join(map(str, shapes))}."
        )
    if shapes[0][1] == 1:
        raise ValueError(
            "Accuracy needs scores of two or more classes, for a loss of the right one. Received: "
            f"{model.name!r} with one score for an image."
        )


def first_image(data, model=None):
    """The first image, `(1, H, W, C)`, as the model's evaluation transform shows it."""
    images, _ = next(batches(data, 1, model))
    return images[:1]


def class_names(model, data, classes, labels):
    """Names of the classes: those given, the data set's, or numbers of the model's outputs.

    Args:
        model: The model.
        data: The data.
        classes: Names, or `None`.
        labels: Labels of a first batch, or `None` where the data have none.
    """
    if classes is not None:
        return _checked_names(classes, names_of(data), labels)
    if labels is None:
        return ("all",)
    if (own := names_of(data)) is not None:
        return own
    output = model.outputs[0].shape
    if len(output) != 2:
        raise ValueError(
            f"The model's output {tuple(output)} does not tell the number of classes. Pass their "
            "names: classes=('cat', 'dog')."
        )
    return tuple(map(str, range(max(2, output[1]))))  # of one score, its label is 0 or 1


def _checked_names(classes, own, labels):
    """Names of the labels of data, whose own names are known of a `Dataset`."""
    if isinstance(classes, (str, bytes, set, frozenset, dict)):
        raise ValueError(
            "Argument `classes` must be a list of names in the order of the labels. Received: "
            f"{type(classes).__name__}, which has no such order."
        )
    if labels is None:
        raise ValueError(
            f"Argument `classes` names labels. Received: {list(classes)[:3]} for images alone. "
            "Leave it out, or pass images with labels."
        )
    names = tuple(map(str, classes))
    if own is not None and len(own) != len(names):
        raise ValueError(f"The data have {len(own)} classes. Received: {len(names)} in `classes`.")
    if own is not None and (sentence := misplaced(names, own)):
        raise ValueError(
            f"Argument `classes` must be in the order of the labels. {sentence} Leave it out for "
            "the names of the data."
        )
    return names


def _pairs(data, batch_size, model):
    if hasattr(data, "validation"):
        data = data if model is None else data.seen_by(model)
        return _held_out(data, batch_size)
    if isinstance(data, np.ndarray):
        return ((data[i : i + batch_size], None) for i in range(0, len(data), batch_size))
    if isinstance(data, tuple):
        images, labels = _pair(data)
        if len(images) != len(labels):
            raise ValueError(
                "Expected one label for each image. Received: "
                f"{len(images)} images, {len(labels)} labels"
            )
        starts = range(0, len(images), batch_size)
        return ((images[i : i + batch_size], labels[i : i + batch_size]) for i in starts)
    if is_endless(data):
        raise ValueError(
            "Expected images that have an end. Received: batches that repeat. Pass data.take(n)."
        )
    return (_pair(batch) for batch in data)


def _pair(batch: typing.Any) -> tuple[typing.Any, typing.Any]:
    """Images, and labels or `None`."""
    if not isinstance(batch, (tuple, list)):
        return batch, None
    if len(batch) != 2:
        raise ValueError(
            "Expected images, or a pair of images and labels: sample weights are not taken. "
            f"Received: {len(batch)} of them."
        )
    images, labels = batch
    return images, labels


def _held_out(dataset, batch_size):
    with dataset.bad_images.unwrapped():
        yield from dataset.validation(batch_size)
