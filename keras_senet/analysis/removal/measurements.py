"""Loss, accuracy and cost of a classifier."""

import numpy as np

from keras_senet.analysis.costs.model_cost import cost
from keras_senet.analysis.image_batches import labelled_batches


def evaluate(model, data, batch_size=32):
    """Mean cross-entropy and accuracy of a model.

    Args:
        model: A model from images to probabilities or logits `(N, classes)`.
        data: Images and labels, see `excitations`.
        batch_size: Images at a time.

    Returns:
        Loss in nats, and the share of images whose most probable class is right.
    """
    scores = [
        score(model.predict_on_batch(images), labels)
        for images, labels in labelled_batches(data, batch_size, model)
    ]
    losses, hits = (np.concatenate(column) for column in zip(*scores, strict=True))
    return float(losses.mean()), float(hits.mean())


def score(outputs, labels):
    """Cross-entropy of each image, and whether it is right.

    Args:
        outputs: `(N, classes)`: probabilities if all rows are, else logits.
        labels: `(N,)`.
    """
    outputs = np.asarray(outputs).astype("float64")
    are_probabilities = (outputs >= 0).all() and np.allclose(outputs.sum(axis=1), 1, atol=1e-3)
    if are_probabilities:
        # As Keras clips them.
        logs = np.log(np.clip(outputs, 1e-7, 1))
    else:
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -logs[np.arange(len(labels)), labels], outputs.argmax(axis=1) == labels


def cost_of(model, image):
    """The `Cost` of a model for an image `(1, H, W, C)`, whether it fixes the size or not."""
    return cost(model, image.shape[1] if None in model.inputs[0].shape[1:] else None)
