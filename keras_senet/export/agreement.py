"""What outputs name: the class or the labels of an image, or of each pixel of a map."""

import numpy as np


def naming(outputs, meaning, threshold=None, logits=False):
    """What each image or pixel is named, or `None` where the outputs name nothing.

    Args:
        outputs: `(N, K)` of images, or `(N, ..., K)` of pixels or boxes.
        meaning: `Contract.output`.
        threshold: Output above which a label is named, where there are any number of them.
        logits: Whether the last axis is of scores of classes where `meaning` does not tell.

    Returns:
        `(N, ...)` classes, or with a threshold `(N, ..., K)` of 0 and 1.
    """
    if threshold is not None:
        return (outputs > threshold).astype("int32")
    if outputs.ndim < 2 or meaning == "features":
        return None
    is_probability = meaning == "probability"
    if not is_probability and not logits:
        return None
    if outputs.shape[-1] > 1:
        return outputs.argmax(-1)
    if is_probability:
        return (outputs[..., 0] > 0.5).astype("int32")
    return (outputs[..., 0] > 0).astype("int32") if outputs.ndim > 2 else None


def same(some, others, threshold=None):
    """Share of images or pixels that are named the same.

    Args:
        some: What `naming` returned.
        others: The same of other outputs.
        threshold: The threshold it was called with: all labels of an image count as one.
    """
    equal = some == others
    return float(np.mean(equal if threshold is None else equal.all(-1)))


def unit(outputs):
    """What is named: `"images"`, `"pixels"` of a map, or `"positions"`, such as boxes."""
    return {2: "images", 4: "pixels"}.get(outputs.ndim, "positions")
