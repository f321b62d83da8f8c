"""Loss, accuracy and cost of a classifier."""

import keras
import numpy as np

from keras_senet.analysis.costs.model_cost import cost
from keras_senet.analysis.image_batches import labelled_batches
from keras_senet.data.shards import padded
from keras_senet.surgery.made_by import holds_probabilities

HALF_SUMS = 0.05  # how far from 1 a softmax in bfloat16 sums; 0.01 was seen


def check_backend(without):
    """Raises a ValueError where no latency of a TFLite file can be measured.

    Args:
        without: The argument that does without.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "Latencies are those of TFLite files, which are made on the TensorFlow backend. "
            f"Received: backend {keras.backend.backend()!r}. Pass {without}."
        )


def evaluate(model, data, batch_size=32):
    """Mean cross-entropy and accuracy of a model.

    Args:
        model: A model from images to probabilities or logits `(N, classes)`.
        data: Images and labels, see `excitations`.
        batch_size: Images at a time.

    Returns:
        Loss in nats, and the share of images whose most probable class is right.
    """

    def outputs(images):
        yield "", model.predict_on_batch(images)

    return scored(outputs, model, data, batch_size)[""]


def scored(outputs, model, data, batch_size):
    """Mean cross-entropy and accuracy of several outputs for the same images.

    Args:
        outputs: Function of a batch of images to pairs of a name and the output `(N, classes)`.
            All batches have the size of the largest before them, since one of another size would
            have the backend compile each network again.
        model: The model whose classes the labels number.
        data: Images and labels, see `excitations`.
        batch_size: Images at a time.

    Returns:
        A dictionary from each name to `(loss, accuracy)`, see `evaluate`.
    """
    scores, largest, probabilities = {}, 0, holds_probabilities(model.outputs[0])
    for images, labels in labelled_batches(data, batch_size, model):
        count, largest = len(images), max(largest, len(images))
        for name, output in outputs(padded(images, largest)):
            scores.setdefault(name, []).append(score(output[:count], labels, probabilities))
    means = {}
    for name, batches in scores.items():
        losses, hits = (np.concatenate(column) for column in zip(*batches, strict=True))
        means[name] = float(losses.mean()), float(hits.mean())
    return means


def score(outputs, labels, are_probabilities=None):
    """Cross-entropy of each image, and whether it is right.

    Args:
        outputs: `(N, classes)`: probabilities or logits.
        labels: `(N,)`.
        are_probabilities: Whether the outputs are probabilities. They are taken in parts of their
            sum, which is not 1 of sigmoids, as Keras takes them. `None`: if all rows sum to 1.

    Raises:
        ValueError: If an output is not finite: nobody could say what is most probable.
    """
    outputs = np.asarray(outputs)
    rounding = HALF_SUMS if outputs.dtype.itemsize == 2 else 1e-3
    outputs = outputs.astype("float64")
    if not np.isfinite(outputs).all():
        raise ValueError("Expected finite outputs of the network. Received: NaN or infinity.")
    sums = outputs.sum(axis=1, keepdims=True)
    if are_probabilities is None:
        are_probabilities = (outputs >= 0).all() and np.allclose(sums, 1, atol=rounding)
    if are_probabilities:
        logs = np.log(np.clip(outputs / np.maximum(sums, 1e-7), 1e-7, 1))
    else:
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -logs[np.arange(len(labels)), labels], outputs.argmax(axis=1) == labels


def cost_of(model, image):
    """The `Cost` of a model for an image `(1, H, W, C)`, whether it fixes the size or not."""
    return cost(model, image.shape[1] if None in model.inputs[0].shape[1:] else None)
