"""The loss of a recipe."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from keras_senet.training.recipe import Recipe


@keras.saving.register_keras_serializable(package="keras_senet")
class PresentClasses(keras.losses.Loss):
    """Binary cross-entropy of "class k is in the image", the mean over classes.

    Every class that has a share of a mixed image counts as present.

    Args:
        label_smoothing: Share e of the target that is spread: targets become `t (1 - e) + e / K`.
        **kwargs: As for every Keras loss.

    Reference:
        Wightman et al., https://arxiv.org/abs/2110.00476, section 3.1.

    Example:
        >>> float(PresentClasses()([[1.0, 0.0]], [[0.5, 0.5]]))
        0.693...
    """

    def __init__(self, label_smoothing: float = 0.0, name: str = "present_classes", **kwargs):
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Targets and sigmoids `(B, K)` to losses `(B,)`."""
        present = ops.cast(ops.convert_to_tensor(y_true) > 0, "float32")
        spread = self.label_smoothing / present.shape[-1]
        return keras.losses.binary_crossentropy(
            present * (1 - self.label_smoothing) + spread, y_pred
        )

    def get_config(self) -> dict:
        """Constructor arguments."""
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable(package="keras_senet")
class WeightedClasses(keras.losses.Loss):
    """A loss in which each image counts as much as its class; mixed images by their shares.

    Args:
        loss: The loss without weights.
        weights: A number for each of the K classes.
        **kwargs: As for every Keras loss.

    Example:
        >>> cross_entropy = keras.losses.CategoricalCrossentropy()
        >>> float(WeightedClasses(cross_entropy, [3.0, 1.0])([[1.0, 0.0]], [[0.5, 0.5]]))
        2.079...
    """

    def __init__(
        self,
        loss: keras.losses.Loss,
        weights: Sequence[float],
        name: str = "weighted_classes",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.loss = loss
        self.weights = tuple(map(float, weights))

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Targets and outputs `(B, K)` to losses `(B,)`."""
        weights = ops.convert_to_tensor(self.weights, "float32")
        return self.loss.call(y_true, y_pred) * ops.sum(ops.cast(y_true, "float32") * weights, -1)

    def get_config(self) -> dict:
        """Constructor arguments."""
        loss = keras.losses.serialize(self.loss)
        return {**super().get_config(), "loss": loss, "weights": self.weights}

    @classmethod
    def from_config(cls, config: dict) -> "WeightedClasses":
        """The loss of these constructor arguments."""
        return cls(**{**config, "loss": keras.losses.deserialize(config["loss"])})


@keras.saving.register_keras_serializable(package="keras_senet")
class PresentLabels(keras.losses.Loss):
    """Binary cross-entropy of each of K labels of which an image has any number, their mean.

    Every label that has a share of a mixed image counts as present, as in `PresentClasses`.

    Args:
        present_weights: A number for each label, which multiplies the loss of images that have it;
            `None`: 1.
        absent_weights: The same for images that have it not.
        label_smoothing: Share e of the target that is spread: targets become `t (1 - e) + e / 2`.
        **kwargs: As for every Keras loss.

    Example:
        >>> float(PresentLabels([3.0, 1.0], [1.0, 1.0])([[1.0, 0.0]], [[0.5, 0.5]]))
        1.386...
    """

    def __init__(
        self,
        present_weights: Sequence[float] | None = None,
        absent_weights: Sequence[float] | None = None,
        label_smoothing: float = 0.0,
        name: str = "present_labels",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.present_weights = _floats(present_weights)
        self.absent_weights = _floats(absent_weights)
        self.label_smoothing = label_smoothing

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Targets and sigmoids `(B, K)` to losses `(B,)`."""
        present = ops.cast(ops.convert_to_tensor(y_true) > 0, "float32")
        targets = present * (1 - self.label_smoothing) + self.label_smoothing / 2
        # As Keras clips them.
        scores = ops.clip(ops.convert_to_tensor(y_pred), 1e-7, 1 - 1e-7)
        having = -targets * ops.log(scores)
        without = -(1 - targets) * ops.log1p(-scores)
        if self.present_weights is not None:
            having *= ops.convert_to_tensor(self.present_weights, "float32")
        if self.absent_weights is not None:
            without *= ops.convert_to_tensor(self.absent_weights, "float32")
        return ops.mean(having + without, -1)

    def get_config(self) -> dict:
        """Constructor arguments."""
        return {
            **super().get_config(),
            "present_weights": self.present_weights,
            "absent_weights": self.absent_weights,
            "label_smoothing": self.label_smoothing,
        }


def _floats(values):
    return None if values is None else tuple(map(float, values))


def loss(recipe: Recipe, labels: np.ndarray | None = None, classes: int = 0) -> keras.losses.Loss:
    """The loss of a recipe: targets `(B, K)` and the model's outputs `(B, K)` to a number.

    Cross-entropy takes the probabilities of a softmax, with targets `t (1 - e) + e / K` for label
    smoothing e (Szegedy et al., https://arxiv.org/abs/1512.00567, section 7); binary cross-entropy
    takes sigmoids: `classifier_activation=recipe.activation` builds the model for either.

    Args:
        recipe: A `Recipe`.
        labels: `(N,)` classes of the training images, for the recipe's `class_weights`; or
            `(N, K)` of 0 and 1 where an image has any number of labels, which decides the loss.
        classes: Number of classes K, likewise.

    Raises:
        ValueError: If the recipe has weights for another number of classes, or a softmax for any
            number of labels.
    """
    if labels is not None and np.ndim(labels) == 2:
        check_loss(recipe)
        weights = label_weights(recipe, labels) if recipe.class_weights is not None else ()
        return PresentLabels(*weights, label_smoothing=recipe.label_smoothing)
    if recipe.loss == "binary_cross_entropy":
        chosen = PresentClasses(recipe.label_smoothing)
    else:
        chosen = keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
    if recipe.class_weights is None or labels is None:
        return chosen
    return WeightedClasses(chosen, class_weights(recipe, labels, classes))


def check_loss(recipe):
    """Raises a ValueError if a recipe's loss has one class an image."""
    if recipe.loss != "binary_cross_entropy":
        raise ValueError(
            "Field `loss` must be 'binary_cross_entropy' where an image has any number of labels: "
            f"a softmax gives it one. Received: {recipe.loss!r}"
        )


def label_weights(recipe, labels):
    """Weights of images with each label `(K,)` and of those without it, of which the mean is 1.

    Args:
        recipe: A `Recipe` with `class_weights`.
        labels: `(N, K)` of 0 and 1 of the training images.
    """
    counts, images = labels.sum(0), len(labels)
    if recipe.class_weights == "balanced":
        weights = (images - counts) / np.maximum(counts, 1)
    else:
        weights = _given(recipe, labels.shape[1], "labels")
    mean = (counts * weights + images - counts).sum() / labels.size
    return weights / mean, np.ones_like(weights) / mean


def _given(recipe, count, what="classes"):
    if len(recipe.class_weights) != count:
        raise ValueError(
            f"Field `class_weights` must have a number for each of {count} {what}. Received: "
            f"{len(recipe.class_weights)} numbers"
        )
    return np.asarray(recipe.class_weights, "float64")


def class_weights(recipe, labels, classes):
    """The weights of the classes `(K,)`, whose mean over the images drawn is 1.

    Args:
        recipe: A `Recipe` with `class_weights`.
        labels: `(N,)` classes of the training images.
        classes: Number of classes K.
    """
    counts = np.bincount(labels, minlength=classes)
    if recipe.class_weights == "balanced":
        weights = 1 / np.maximum(counts, 1)
    else:
        weights = _given(recipe, classes)
    drawn = counts if recipe.sampling == "uniform" else np.ones(classes)
    mean = (weights * drawn).sum() / drawn.sum()
    if not mean:
        raise ValueError("Field `class_weights` must have a number above 0. Received: none")
    return weights / mean
