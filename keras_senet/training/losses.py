"""The loss of a recipe."""

import keras
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


def loss(recipe: Recipe) -> keras.losses.Loss:
    """The loss of a recipe: targets `(B, K)` and the model's outputs `(B, K)` to a number.

    Cross-entropy takes the probabilities of a softmax, with targets `t (1 - e) + e / K` for label
    smoothing e (Szegedy et al., https://arxiv.org/abs/1512.00567, section 7); binary cross-entropy
    takes sigmoids: `classifier_activation=recipe.activation` builds the model for either.

    Args:
        recipe: A `Recipe`.
    """
    if recipe.loss == "binary_cross_entropy":
        return PresentClasses(recipe.label_smoothing)
    return keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
