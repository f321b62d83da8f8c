"""Accuracy of a model on held-out images, counted exactly."""

import dataclasses
import logging

import keras
import numpy as np

from keras_senet.data import Dataset, View
from keras_senet.data.classes import mismatch
from keras_senet.data.shards import padded
from keras_senet.weights.class_names import class_names

logger = logging.getLogger("keras_senet")

TOP = 5


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Counts of right and wrong predictions on held-out images.

    Attributes:
        class_names: Names of the K classes.
        confusion: `(K, K)` int64: images of class i whose most probable class is j.
        top5_correct: `(K,)` int64: images of class i whose five most probable classes contain it.
        unreadable: Images that could not be read and do not count: path to reason.
        view: The `keras_senet.data.View` that the images were evaluated in, or `None`.
    """

    class_names: tuple[str, ...]
    confusion: np.ndarray
    top5_correct: np.ndarray
    unreadable: dict = dataclasses.field(default_factory=dict)
    view: View | None = None

    @property
    def images(self) -> int:
        """Number of images."""
        return int(self.confusion.sum())

    @property
    def top1(self) -> float:
        """Share of images whose most probable class is right."""
        return float(np.trace(self.confusion) / self.images)

    @property
    def top5(self) -> float:
        """Share of images whose five most probable classes contain the right one."""
        return float(self.top5_correct.sum() / self.images)

    @property
    def class_accuracy(self) -> np.ndarray:
        """`(K,)`: top-1 share (recall) of every class, NaN without images."""
        with np.errstate(invalid="ignore"):
            return np.diag(self.confusion) / self.confusion.sum(1)

    def confused(self, limit: int = 10) -> list[tuple[str, str, int]]:
        """The most frequent mistakes: `(true class, predicted class, images)`, most first."""
        mistakes = self.confusion - np.diag(np.diag(self.confusion))
        order = np.argsort(-mistakes, axis=None, kind="stable")[:limit]
        pairs = zip(*np.unravel_index(order, mistakes.shape), strict=True)
        return [
            (self.class_names[i], self.class_names[j], int(mistakes[i, j]))
            for i, j in pairs
            if mistakes[i, j]
        ]

    def summary(self) -> dict:
        """All figures but the confusion matrix, in JSON's types."""
        return {
            "images": self.images,
            "unreadable": len(self.unreadable),
            "top1": self.top1,
            "top5": self.top5,
            "class_accuracy": {
                name: None if np.isnan(share) else float(share)
                for name, share in zip(self.class_names, self.class_accuracy, strict=True)
            },
            "confused": self.confused(),
        }


def evaluate(model: keras.Model, dataset: Dataset, batch_size: int) -> Evaluation:
    """Classifies every held-out image of a data set once, in the view of the model.

    The view is size, crop and interpolation of evaluation. Images that cannot be read are left out
    and named in the result.

    Args:
        model: A model from images `(N, S, S, 3)` to scores `(N, K)`.
        dataset: A `keras_senet.data.Dataset`.
        batch_size: Images in a batch; a smaller last one is padded, and the padding not counted.

    Returns:
        An `Evaluation`.

    Raises:
        ValueError: If the model has other classes, as far as it names them, or no image can be
            read.

    Example:
        >>> digits = keras_senet.data.load("digits")
        >>> evaluate(keras_senet.SEResNet20(), digits, batch_size=64).images
        364
    """
    names = tuple(dataset.class_names)
    if sentence := mismatch(model, dataset):
        raise ValueError(f"{sentence} Expected the same, in the same order.")
    if class_names(model) is None:
        logger.warning(
            "%r does not name its classes. Its outputs are taken for the classes of %s in their "
            "order, the first for %r.",
            model.name,
            dataset.name,
            names[0],
        )
    classes = len(names)
    dataset = dataset.seen_by(model)
    confusion = np.zeros((classes, classes), "int64")
    top5_correct = np.zeros(classes, "int64")
    with dataset.bad_images.unwrapped():
        for images, labels in dataset.validation(batch_size):
            images, labels = np.asarray(images), np.asarray(labels)
            scores = model.predict_on_batch(padded(images, batch_size))
            scores = keras.ops.convert_to_numpy(scores)[: len(images)]
            # Ties go to the first class in both counts.
            order = np.argsort(-scores, axis=-1, kind="stable")
            np.add.at(confusion, (labels, order[:, 0]), 1)
            found = (order[:, :TOP] == labels[:, None]).any(-1)
            np.add.at(top5_correct, labels[found], 1)
    if not confusion.any():
        raise ValueError(f"{dataset.name} has no held-out images. Expected at least one.")
    unreadable = dataset.unreadable(dataset.held_out)
    view = dataset.seen
    if dataset.held_out.holds_pixels:
        view = view.replace(crop=1.0)  # pixels of the right size are seen whole
    return Evaluation(names, confusion, top5_correct, unreadable, view)
