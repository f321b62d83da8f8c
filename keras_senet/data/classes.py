"""Whether labels number the classes of a model."""

from keras_senet.data.checks import as_labels
from keras_senet.weights.class_names import class_names


def class_indices(labels, classes):
    """Labels as class indices `(N,)` int32.

    Args:
        labels: `(N,)` whole numbers, or one-hot `(N, classes)`.
        classes: Number of the model's classes.

    Raises:
        ValueError: If they are no such labels, or one is not in `0..classes - 1`.
    """
    labels, columns = as_labels(labels)
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


def mismatch(model, dataset):
    """Why the labels of a data set do not number the classes of a model.

    Args:
        model: A `keras.Model` with outputs `(N, K)`.
        dataset: A `keras_senet.data.Dataset`.

    Returns:
        A sentence, or `None` where numbers of classes and, as far as the model names them, names
        are the same.
    """
    names, classes = tuple(dataset.class_names), model.outputs[0].shape[-1]
    if classes != len(names):
        return f"The model has {classes} classes, {dataset.name} has {len(names)}."
    known = class_names(model)
    if known is None or known == names:
        return None
    number = next(i for i, pair in enumerate(zip(known, names, strict=True)) if len({*pair}) > 1)
    return (
        f"The classes of the model are not those of {dataset.name}: number {number} is "
        f"{known[number]!r} of the model and {names[number]!r} of the data."
    )
