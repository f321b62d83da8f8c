"""What `to_tflite` is asked for, checked before it begins."""

import numpy as np

from keras_senet.export.contract import label_threshold
from keras_senet.export.images import calibration_images
from keras_senet.weights.named_classes import class_names, misplaced

CALIBRATED = ("int8", "int8_full")
QUANTIZATIONS = (None, "float16", "dynamic", *CALIBRATED)


def calibration(images, quantization, shape, known):
    """The calibration images as an array, or `None` where none are needed."""
    if quantization in CALIBRATED:
        return calibration_images(images, shape, known)
    if images is not None:
        raise ValueError(
            "`calibration_images` are for quantization='int8' and 'int8_full'. Received: "
            f"{quantization!r}. Leave them out."
        )
    return None


def check_half(model):
    """Refuses weights that float16 cannot hold."""
    largest = max(
        (float(np.abs(weight).max(initial=0)) for weight in model.get_weights()), default=0
    )
    if largest > float(np.finfo("float16").max):
        raise ValueError(
            f"A weight of model {model.name!r} is {largest:.3g} once normalizations are folded in, "
            f"more than float16 holds ({np.finfo('float16').max:.0f}). Leave `quantization` out."
        )


def check_agreement(min_agreement, quantization, model):
    """Refuses `min_agreement` where it is no share, or there is nothing to compare."""
    if min_agreement is None:
        return
    if quantization not in CALIBRATED:
        raise ValueError(
            "`min_agreement` is for quantization='int8' and 'int8_full'. Received: "
            f"{quantization!r}. Leave it out."
        )
    if isinstance(min_agreement, bool) or not 0 <= min_agreement <= 1:
        raise ValueError(
            f"Argument `min_agreement` must be a share in 0..1. Received: {min_agreement!r}"
        )
    outputs = model.outputs[0].shape
    if len(model.outputs) > 1:
        raise ValueError(
            f"`min_agreement` is for models with one output (N, classes). {model.name!r} has "
            f"{len(model.outputs)}. Leave it out, and judge by verify(...).failures(...)."
        )
    if len(outputs) != 2 or (outputs[-1] == 1 and label_threshold(model) is None):
        raise ValueError(
            "`min_agreement` compares classes, outputs (N, classes). Received: outputs "
            f"{tuple(outputs)}. Leave it out, and judge by verify(...).largest_difference."
        )


def labels_of(labels, model):
    """Names of the classes, checked; `None`: those that the model records, if it does."""
    known = class_names(model) if len(model.outputs) == 1 else None
    labels = known if labels is None else labels
    if labels is None:
        return None
    if isinstance(labels, (str, bytes, set, frozenset, dict)):
        raise ValueError(
            "Argument `labels` must be a list of names in the order of the classes. Received: "
            f"{type(labels).__name__}, which has no such order."
        )
    labels = [str(label) if isinstance(label, np.str_) else label for label in labels]
    outputs = model.outputs[0].shape
    if len(model.outputs) > 1:
        raise ValueError(
            "Argument `labels` names the classes of a model with one output. Received: labels for "
            f"{model.name!r}, which has {len(model.outputs)}. Leave them out."
        )
    if len(outputs) != 2 or len(labels) != outputs[-1] or not all(map(_is_line, labels)):
        raise ValueError(
            f"Argument `labels` must be one line of text for each of the model's outputs "
            f"{tuple(outputs[1:])}. Received: {len(labels)} labels, {labels[:3]}, ..."
        )
    if known is not None and (sentence := misplaced(labels, known)):
        raise ValueError(
            "Argument `labels` must name the classes in the order of the model's outputs. "
            f"{sentence} Leave it out for the names that the model records."
        )
    return labels


def _is_line(label):
    return isinstance(label, str) and label.splitlines() == [label]
