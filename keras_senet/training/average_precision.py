"""Average precision of labels of which an image has any number: exactly, and during a run."""

import keras
import numpy as np
from keras import ops

BINS, EXTENT = 1000, 14.0  # of the logits: scores from 1e-6 to 1 - 1e-6 in steps of 0.028


def average_precision(present: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Average precision of each label, the mean precision over its images.

    With precision P and recall R at each score, highest first, it is the sum of
    `(R[n] - R[n - 1]) P[n]`; images of one score count together, as in scikit-learn.

    Args:
        present: `(N, K)`, whether an image has a label.
        scores: `(N, K)`.

    Returns:
        `(K,)`, NaN for a label that no image has.

    Reference:
        `sklearn.metrics.average_precision_score`.

    Example:
        >>> average_precision(np.array([[1], [0], [1]]), np.array([[0.9], [0.8], [0.7]]))
        array([0.83333333])
    """
    return np.array([_of_one(*label) for label in zip(present.T, scores.T, strict=True)])


def _of_one(present, scores):
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(present[order].astype("int64"))
    if not len(right) or not right[-1]:
        return np.nan
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # of each score
    gained = np.diff(right[ends], prepend=0) / right[-1]
    return float((gained * right[ends] / (ends + 1)).sum())


@keras.saving.register_keras_serializable(package="keras_senet")
class MeanAveragePrecision(keras.metrics.Metric):
    """Mean of the labels' average precision, batch by batch and on several devices.

    Scores are counted in a thousand bins of their logits, and those in one bin taken as equal: it
    is the exact figure of scores rounded so. Labels that no image has are left out of the mean.

    Args:
        labels: Number of labels, K.
        **kwargs: As for every Keras metric.

    Example:
        >>> metric = MeanAveragePrecision(1)
        >>> metric.update_state([[1.0], [0.0], [1.0]], [[0.9], [0.8], [0.7]])
        >>> float(metric.result())
        0.833...
    """

    def __init__(self, labels: int, name: str = "mean_average_precision", **kwargs):
        super().__init__(name=name, **kwargs)
        self.labels = labels
        # Of images without and with each label.
        self.counts = self.add_weight(
            shape=(2, labels, BINS), initializer="zeros", name="counts", dtype="float32"
        )

    def update_state(
        self,
        y_true: keras.KerasTensor,
        y_pred: keras.KerasTensor,
        sample_weight: keras.KerasTensor | None = None,
    ) -> None:
        """Counts targets and sigmoids `(B, K)`; a target above 0 says that the label is present."""
        present = ops.cast(ops.convert_to_tensor(y_true) > 0, "int32")
        scores = ops.clip(ops.cast(ops.convert_to_tensor(y_pred), "float32"), 1e-7, 1 - 1e-7)
        logits = ops.log(scores) - ops.log1p(-scores)
        bins = ops.cast((logits + EXTENT) * (BINS / (2 * EXTENT)), "int32")
        bins = ops.clip(bins, 0, BINS - 1)
        places = (present * self.labels + ops.arange(self.labels, dtype="int32")) * BINS + bins
        weights = ops.ones_like(scores)
        if sample_weight is not None:
            sample_weight = ops.cast(ops.convert_to_tensor(sample_weight), "float32")
            weights = weights * ops.reshape(sample_weight, (-1, 1))
        counted = ops.segment_sum(
            ops.reshape(weights, (-1,)), ops.reshape(places, (-1,)), 2 * self.labels * BINS
        )
        self.counts.assign_add(ops.reshape(counted, (2, self.labels, BINS)))

    def result(self) -> keras.KerasTensor:
        """The mean so far; NaN before any label."""
        without, having = self.counts[0], self.counts[1]
        having = ops.flip(having, -1)  # highest score first
        right = ops.cumsum(having, -1)
        taken = right + ops.cumsum(ops.flip(without, -1), -1)
        images = right[:, -1]
        precisions = ops.sum(having * right / ops.maximum(taken, 1e-12), -1)
        judged = ops.cast(images > 0, "float32")
        precisions = precisions / ops.where(images > 0, images, 1.0)
        return ops.sum(judged * precisions) / ops.sum(judged)

    def get_config(self) -> dict:
        """Constructor arguments."""
        return {**super().get_config(), "labels": self.labels}
