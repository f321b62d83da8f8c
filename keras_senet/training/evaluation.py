"""Accuracy of a model on held-out images, counted exactly."""

import dataclasses
import logging

import keras
import numpy as np

from keras_senet.data import Dataset, View
from keras_senet.data.classes import mismatch, say_if_unnamed
from keras_senet.data.shards import padded
from keras_senet.surgery.image_range import PIXELS, doubt, image_range, misfit
from keras_senet.training.label_evaluation import MultiLabelEvaluation, judge

logger = logging.getLogger("keras_senet")

TOP = 5
SPLITS = ("held_out", "test")
DENSE = 10_000  # classes of which a matrix fits in memory


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Counts of right and wrong predictions on images of one split.

    Attributes:
        class_names: Names of the K classes.
        pairs: `(P, 3)` int64: class, predicted class, and how many images have this pair, in the
            order of the classes; pairs of no image are left out.
        top5_correct: `(K,)` int64: images of class i whose five most probable classes contain it.
        unreadable: Images that could not be read and do not count: path to reason.
        view: The `keras_senet.data.View` that the images were evaluated in, or `None`.
    """

    class_names: tuple[str, ...]
    pairs: np.ndarray
    top5_correct: np.ndarray
    unreadable: dict = dataclasses.field(default_factory=dict)
    view: View | None = None

    @property
    def images(self) -> int:
        """Number of images."""
        return int(self.pairs[:, 2].sum())

    @property
    def top1(self) -> float:
        """Share of images whose most probable class is right."""
        return float(self.class_correct.sum() / self.images)

    @property
    def top5(self) -> float:
        """Share of images whose five most probable classes contain the right one."""
        return float(self.top5_correct.sum() / self.images)

    @property
    def class_images(self) -> np.ndarray:
        """`(K,)` int64: images of every class."""
        return self._by_class(self.pairs)

    @property
    def class_correct(self) -> np.ndarray:
        """`(K,)` int64: images of every class whose most probable class is right."""
        return self._by_class(self.pairs[self.pairs[:, 0] == self.pairs[:, 1]])

    @property
    def class_accuracy(self) -> np.ndarray:
        """`(K,)`: top-1 share (recall) of every class, NaN without images."""
        with np.errstate(invalid="ignore"):
            return self.class_correct / self.class_images

    @property
    def mistakes(self) -> np.ndarray:
        """The `pairs` whose classes differ, those of most images first."""
        wrong = self.pairs[self.pairs[:, 0] != self.pairs[:, 1]]
        return wrong[np.argsort(-wrong[:, 2], kind="stable")]

    @property
    def confusion(self) -> np.ndarray:
        """`(K, K)` int64: images of class i whose most probable class is j. Large for many classes.

        Raises:
            ValueError: For more than 10,000 classes, where it would take a gigabyte and more.
        """
        classes = len(self.class_names)
        if classes > DENSE:
            raise ValueError(
                f"A matrix of {classes} x {classes} classes does not fit in memory. Use `pairs`."
            )
        matrix = np.zeros((classes, classes), "int64")
        matrix[self.pairs[:, 0], self.pairs[:, 1]] = self.pairs[:, 2]
        return matrix

    def confused(self, limit: int = 10) -> list[tuple[str, str, int]]:
        """The most frequent mistakes: `(true class, predicted class, images)`, most first."""
        return [
            (self.class_names[truth], self.class_names[taken], int(images))
            for truth, taken, images in self.mistakes[:limit]
        ]

    def summary(self) -> dict:
        """All figures but the pairs, in JSON's types."""
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

    def _by_class(self, pairs):
        counts = np.zeros(len(self.class_names), "int64")
        np.add.at(counts, pairs[:, 0], pairs[:, 2])
        return counts


def evaluate(
    model: keras.Model, dataset: Dataset, batch_size: int, *, split: str = "held_out"
) -> Evaluation | MultiLabelEvaluation:
    """Classifies every image of a split once, in the view of the model.

    The view is size, crop and interpolation of evaluation. Images that cannot be read are left out
    and named in the result.

    Args:
        model: A model from images `(N, S, S, 3)` to scores `(N, K)`.
        dataset: A `keras_senet.data.Dataset`.
        batch_size: Images in a batch; a smaller last one is padded, and the padding not counted.
        split: `"held_out"`, or `"test"` for the data set's test split.

    Returns:
        An `Evaluation`; a `MultiLabelEvaluation` where an image has any number of labels, for which
        all scores are kept, 4 bytes each.

    Raises:
        ValueError: If the model has other classes, as far as it names them, or one class an image
            and the data any number of labels, or the other way; if its layers tell that it takes
            other images than raw pixels in 0..255; if the data set has no such split, no image can
            be read, or scores are not finite.

    Example:
        >>> digits = keras_senet.data.load("digits")
        >>> evaluate(keras_senet.SEResNet20(), digits, batch_size=64).images
        364
    """
    if split not in SPLITS:
        raise ValueError(f"Argument `split` must be one of {SPLITS}. Received: {split!r}")
    if not hasattr(dataset, "seen_by"):  # what Keras makes of a folder, say
        raise ValueError(
            "Argument `dataset` must be a keras_senet.data.Dataset, such as "
            f"data.load('folder:photos'). Received: a {type(dataset).__name__}"
        )
    if split == "test":
        if dataset.test is None:
            raise ValueError(
                f"{dataset.name} has no test split. Expected one beside the validation, as a "
                "folder test of folders of classes, or split 'held_out'."
            )
        dataset = dataset.replace(held_out=dataset.test, test=None)
    names = tuple(dataset.class_names)
    if sentence := mismatch(model, dataset):
        raise ValueError(f"{sentence} Expected the same, in the same order.")
    say_if_unnamed(model, dataset)
    dataset = dataset.seen_by(model)
    _check_takes_pixels(model, dataset)
    view = dataset.seen
    if dataset.held_out.holds_pixels:
        view = view.replace(crop=1.0)  # pixels of the right size are seen whole
    with dataset.bad_images.unwrapped():
        found = _scores(model, dataset.validation(batch_size), batch_size)
        if dataset.multi_label:
            labels, scores = map(np.concatenate, zip(*found, strict=True))
            _check_sigmoids(model, scores)
            return judge(names, labels, scores, dataset.unreadable(dataset.held_out), view)
        pairs, top5_correct = _count(found, len(names))
    if not len(pairs):
        raise ValueError(f"{dataset.name} has no held-out images. Expected at least one.")
    return Evaluation(names, pairs, top5_correct, dataset.unreadable(dataset.held_out), view)


def _check_takes_pixels(model, dataset):
    """Raises a ValueError, or warns, if the model takes other images than raw pixels."""
    extent, delivered = image_range(model), np.array(PIXELS, "uint8")
    if isinstance(extent, tuple) and (sentence := misfit(delivered, extent)):
        raise ValueError(
            f"Images of {dataset.name} {sentence} Put the normalization into the model."
        )
    if sentence := doubt(delivered, extent):
        logger.warning("%r: argument `dataset` %s", model.name, sentence)


def _scores(model, batches, batch_size):
    """Labels and scores `(B, K)` of each batch."""
    for images, labels in batches:
        images, labels = np.asarray(images), np.asarray(labels, "int64")
        scores = model.predict_on_batch(padded(images, batch_size))
        scores = keras.ops.convert_to_numpy(scores)[: len(images)]
        if not np.isfinite(scores).all():
            raise ValueError(
                f"{model.name!r} gives scores that are not finite: its weights are damaged, or the "
                "training diverged."
            )
        yield labels, scores


def _check_sigmoids(model, scores):
    if scores.min() < 0 or scores.max() > 1:
        raise ValueError(
            f"Any number of labels is judged by sigmoids, which are in 0..1. Received: outputs of "
            f"{model.name!r} from {scores.min():.3g} to {scores.max():.3g}. End it in a sigmoid."
        )


def _count(found, classes):
    """`pairs` and `top5_correct` of an `Evaluation`, by the labels and scores of each batch."""
    top5_correct = np.zeros(classes, "int64")
    seen = [np.zeros(0, "int64")]  # class and predicted class of each image, as one number
    for labels, scores in found:
        seen.append(labels * classes + scores.argmax(-1))
        right = np.take_along_axis(scores, labels[:, None], -1)
        # Ties go to the first class in both counts.
        before = np.arange(classes) < labels[:, None]
        rank = ((scores > right) | ((scores == right) & before)).sum(-1)
        np.add.at(top5_correct, labels[rank < TOP], 1)
    numbers, counts = np.unique(np.concatenate(seen), return_counts=True)
    return np.stack([numbers // classes, numbers % classes, counts], -1), top5_correct
