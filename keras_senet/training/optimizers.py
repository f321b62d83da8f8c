"""The optimizer of a recipe."""

from keras_senet.training.lamb import Lamb
from keras_senet.training.schedules import learning_rate
from keras_senet.training.sgd import SGD


def optimizer(recipe, steps_per_epoch):
    """The optimizer of a recipe, with its schedule, decay, clipping and accumulation.

    Under a `mixed_float16` policy `model.compile` wraps it in Keras' loss scaling; all of these
    stay inside, where they act on unscaled gradients.

    Args:
        recipe: A `Recipe`.
        steps_per_epoch: Updates of the weights in an epoch. With accumulation an epoch has
            `steps_per_epoch * recipe.accumulation_steps` batches.

    Returns:
        A `keras.optimizers.Optimizer`.

    Example:
        >>> optimizer(PAPER, steps_per_epoch=1251).momentum
        0.9
    """
    options = {
        "learning_rate": learning_rate(recipe, steps_per_epoch),
        "global_clipnorm": recipe.clip_norm,
        # Keras' word for none is None.
        "gradient_accumulation_steps": recipe.accumulation_steps
        if recipe.accumulation_steps > 1
        else None,
    }
    if recipe.optimizer == "lamb":
        return Lamb(decay=recipe.weight_decay, **options)
    return SGD(
        momentum=recipe.momentum,
        nesterov=recipe.optimizer == "nesterov",
        l2=recipe.weight_decay,
        decayed=recipe.decayed,
        **options,
    )
