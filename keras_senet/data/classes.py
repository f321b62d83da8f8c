"""Whether the labels of data are those of a model."""

import logging
from collections.abc import Mapping

import keras

from keras_senet.data.checks import as_labels
from keras_senet.weights.named_classes import class_names, is_multi_label, last_operation

logger = logging.getLogger("keras_senet")


def class_indices(labels, classes):
    """Labels as class indices `(N,)` int32.

    Args:
        labels: `(N,)` whole numbers, or one-hot `(N, classes)`.
        classes: Number of the model's classes.

    Raises:
        ValueError: If they are no such labels, or one is not in `0..classes - 1`.
    """
    labels, columns = as_labels(labels)
    if classes == 1:
        raise ValueError(
            "A model of one output has no classes to number: labels say whether an image has its "
            "label. Judge it by training.evaluate on a Dataset of Split(..., multi_label=True)."
        )
    if columns not in (None, classes):
        raise ValueError(
            f"The {classes} classes of the model need as many columns of one-hot labels. Received: "
            f"{columns}."
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(
            f"The {classes} classes of the model need labels from 0 to {classes - 1}. Received: "
            f"labels from {labels.min()} to {labels.max()}."
        )
    return labels


def names_of(data):
    """Names of the classes that labels number, where data say them, else `None`.

    Args:
        data: Images and labels. A `Dataset` says the names, and what Keras makes of a folder: its
            `tf.data.Dataset` in `class_names`, its `DirectoryIterator` in `class_indices`.
    """
    indices = getattr(data, "class_indices", None)
    if isinstance(indices, Mapping):
        return tuple(sorted(indices, key=indices.__getitem__))
    names = getattr(data, "class_names", None)
    return None if names is None else tuple(names)


def say_if_unnamed(model, data):
    """Logs a warning where data name their classes and the model that they judge does not."""
    names = names_of(data)
    if names is not None and class_names(model) is None:
        logger.warning(
            "%r does not name its classes. Its outputs are taken for the classes of %s in their "
            "order, the first for %r.",
            model.name,
            name_of(data),
            names[0],
        )


def name_of(data):
    """What messages call data."""
    return getattr(data, "name", "the data set")


def mismatch(model, data):
    """Why the labels of data are not those of the outputs of a model.

    Args:
        model: A `keras.Model` with outputs `(N, K)`.
        data: A `keras_senet.data.Dataset`, or other images and labels.

    Returns:
        A sentence, or `None` where numbers of classes and, as far as the model names them, names
        are the same, and both have one class an image, or any number of labels; and for data that
        do not name their classes.
    """
    names, classes = names_of(data), model.outputs[0].shape[-1]
    if names is None:
        return None
    name = name_of(data)
    if classes != len(names):
        return f"The model has {classes} classes, {name} has {len(names)}."
    if hasattr(data, "multi_label") and (sentence := _other_kind(model, data)):
        return sentence
    known = class_names(model)
    if known is None or known == names:
        return None
    number = next(i for i, pair in enumerate(zip(known, names, strict=True)) if len({*pair}) > 1)
    return (
        f"The classes of the model are not those of {name}: number {number} is "
        f"{known[number]!r} of the model and {names[number]!r} of the data."
    )


def _other_kind(model, dataset):
    """Why a model has one class an image and a data set any number of labels, or the other way."""
    if not dataset.multi_label:
        if not is_multi_label(model):
            return None
        return (
            "The model was trained on labels of which an image has any number; images of "
            f"{dataset.name} have one class."
        )
    if class_names(model) is not None and not is_multi_label(model):
        return (
            f"The model was trained on one class an image; images of {dataset.name} have any "
            "number of labels."
        )
    activation = _activation(model)
    if activation is None or activation is keras.activations.sigmoid:
        return None
    return (
        f"Images of {dataset.name} have any number of labels, which needs a sigmoid for each. The "
        f"model ends in {activation.__name__}."
    )


def _activation(model):
    """The activation of the last layer of a model, or `None` where it has none to ask for."""
    last = last_operation(model)
    if isinstance(last, keras.layers.Softmax):
        return keras.activations.softmax
    return _activation(last) if isinstance(last, keras.Model) else getattr(last, "activation", None)
