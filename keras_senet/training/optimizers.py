"""Optimizers with the weight decay of the papers, and the optimizer of a recipe."""

import typing

import keras
from keras import ops

from keras_senet.training.reduction import Reduction
from keras_senet.training.schedules import learning_rate

if typing.TYPE_CHECKING:
    from keras_senet.training.recipe import Recipe


def optimizer(recipe: "Recipe", steps_per_epoch: int) -> keras.optimizers.Optimizer:
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
        >>> optimizer(keras_senet.training.PAPER, steps_per_epoch=1251).momentum
        0.9
    """
    options = {
        "learning_rate": learning_rate(recipe, steps_per_epoch),
        "global_clipnorm": recipe.clip_norm,
        # Keras takes None, not 1, for no accumulation.
        "gradient_accumulation_steps": recipe.accumulation_steps
        if recipe.accumulation_steps > 1
        else None,
    }
    if recipe.optimizer == "lamb":
        return Lamb(decay=recipe.weight_decay, **options)
    if recipe.optimizer == "adamw":
        return AdamW(weight_decay=recipe.weight_decay, decayed=recipe.decayed, **options)
    return SGD(
        momentum=recipe.momentum,
        nesterov=recipe.optimizer == "nesterov",
        l2=recipe.weight_decay,
        decayed=recipe.decayed,
        **options,
    )


@keras.saving.register_keras_serializable(package="keras_senet")
class SGD(Reduction, keras.optimizers.SGD):
    """`keras.optimizers.SGD` with an L2 penalty inside the momentum, as in Caffe and PyTorch.

    Keras' own `weight_decay` shrinks the weights beside the momentum, which at momentum 0.9 is ten
    times weaker than the same number in Caffe or PyTorch. Here the gradient becomes

        g = clip(gradient) + l2 * w
        v = momentum * v - learning_rate * g          (Caffe)
        w = w + v                                     or, Nesterov: w + momentum * v - lr * g

    As in Caffe the velocity contains the learning rate, so that a change of the rate reaches it
    gradually; in PyTorch, where it does not, the whole velocity is rescaled at once. At a constant
    rate both are the same (Goyal et al., section 3, "Momentum correction").

    Args:
        learning_rate: Number or schedule.
        momentum: Momentum.
        nesterov: Whether the momentum is Nesterov's.
        l2: Coefficient of the penalty `l2 / 2 * |w|^2`.
        decayed: Weights that the penalty applies to: `"kernels"` or `"all"`.
        **kwargs: As for every Keras optimizer.

    Example:
        >>> SGD(0.1, momentum=0.9, l2=1e-4).l2
        0.0001
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        l2: float = 0.0,
        decayed: str = "kernels",
        **kwargs,
    ):
        super().__init__(learning_rate, momentum=momentum, nesterov=nesterov, **kwargs)
        self.l2 = l2
        self.decayed = decayed
        self._decays = decays((), decayed)

    def build(self, variables: list[keras.Variable]) -> None:
        """Creates the velocities."""
        super().build(variables)
        self._decays = decays(variables, self.decayed)

    def update_step(
        self,
        gradient: keras.KerasTensor,
        variable: keras.Variable,
        learning_rate: keras.KerasTensor,
    ) -> None:
        """One step of one variable, in one kernel where TensorFlow has it."""
        if self.l2 and self._decays[self._get_variable_index(variable)]:
            gradient += keras.ops.cast(self.l2 * variable, gradient.dtype)
        if keras.backend.backend() != "tensorflow" or not self.momentum:
            return super().update_step(gradient, variable, learning_rate)
        import tensorflow as tf

        # The same arithmetic as Keras', at half the memory traffic.
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=self.momentums[self._get_variable_index(variable)].value.handle,
            lr=tf.cast(learning_rate, variable.dtype),
            grad=gradient,
            momentum=tf.cast(self.momentum, variable.dtype),
            use_nesterov=self.nesterov,
        )

    def get_config(self) -> dict:
        """Constructor arguments."""
        return {**super().get_config(), "l2": self.l2, "decayed": self.decayed}


@keras.saving.register_keras_serializable(package="keras_senet")
class Lamb(Reduction, keras.optimizers.Lamb):
    """`keras.optimizers.Lamb` with the decay inside the layer-wise step, as in the paper.

    With Adam's direction `r = m / (sqrt(v) + epsilon)` (algorithm 2, bias-corrected):

        u = r + decay * w
        w = w - learning_rate * |w| / |u| * u

    Keras' `weight_decay` shrinks the weights outside, without the factor `|w| / |u|`. Weights that
    do not decay (biases and normalization) take plain Adam steps, as in the implementations that
    the recipes of "ResNet strikes back" were run with.

    Args:
        learning_rate: Number or schedule.
        decay: Coefficient of the decay of kernels.
        epsilon: Added to `sqrt(v)`.
        **kwargs: As for `keras.optimizers.Lamb`.

    Reference:
        You et al., https://arxiv.org/abs/1904.00962; Wightman et al.,
        https://arxiv.org/abs/2110.00476.

    Example:
        >>> Lamb(8e-3, decay=0.02).decay
        0.02
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.001,
        decay: float = 0.0,
        epsilon: float = 1e-6,
        **kwargs,
    ):
        super().__init__(learning_rate, epsilon=epsilon, **kwargs)
        self.decay = decay
        self._decays = ()

    def build(self, variables: list[keras.Variable]) -> None:
        """Creates both moments of every variable."""
        super().build(variables)
        self._decays = decays(variables, "kernels")

    def update_step(
        self,
        gradient: keras.KerasTensor,
        variable: keras.Variable,
        learning_rate: keras.KerasTensor,
    ) -> None:
        """One step of one variable."""
        index = self._get_variable_index(variable)
        dtype = variable.dtype
        gradient = ops.cast(gradient, dtype)
        step = ops.cast(self.iterations + 1, dtype)
        m, v = self._momentums[index], self._velocities[index]
        self.assign_add(m, (gradient - m) * (1 - self.beta_1))
        self.assign_add(v, (ops.square(gradient) - v) * (1 - self.beta_2))
        first = m / (1 - ops.power(ops.cast(self.beta_1, dtype), step))
        second = v / (1 - ops.power(ops.cast(self.beta_2, dtype), step))
        update = first / (ops.sqrt(second) + self.epsilon)
        if self._decays[index]:
            update += self.decay * variable
            update *= _trust_ratio(variable, update)
        self.assign_sub(variable, ops.cast(learning_rate, dtype) * update)

    def get_config(self) -> dict:
        """Constructor arguments."""
        return {**super().get_config(), "decay": self.decay}


@keras.saving.register_keras_serializable(package="keras_senet")
class AdamW(Reduction, keras.optimizers.AdamW):
    """`keras.optimizers.AdamW`, whose decay leaves biases and normalization alone.

    With Adam's direction `r = m / (sqrt(v) + epsilon)`, bias-corrected:

        w = w - learning_rate * decay * w
        w = w - learning_rate * r

    Args:
        learning_rate: Number or schedule.
        weight_decay: Coefficient of the decay, which the learning rate multiplies.
        decayed: Weights that decay: `"kernels"` or `"all"`.
        epsilon: Added to `sqrt(v)`.
        **kwargs: As for `keras.optimizers.AdamW`.

    Reference:
        I. Loshchilov, F. Hutter, https://arxiv.org/abs/1711.05101, algorithm 2, with the learning
        rate as its schedule multiplier, as in PyTorch.

    Example:
        >>> AdamW(4e-3, weight_decay=0.05).weight_decay
        0.05
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.001,
        weight_decay: float = 0.0,
        decayed: str = "kernels",
        epsilon: float = 1e-8,
        **kwargs,
    ):
        super().__init__(learning_rate, weight_decay=weight_decay, epsilon=epsilon, **kwargs)
        decays((), decayed)
        self.decayed = decayed

    def build(self, variables: list[keras.Variable]) -> None:
        """Creates both moments of every variable."""
        if not self.built:  # Keras takes exceptions before that only
            pairs = zip(variables, decays(variables, self.decayed), strict=True)
            self.exclude_from_weight_decay([variable for variable, decay in pairs if not decay])
        super().build(variables)

    def get_config(self) -> dict:
        """Constructor arguments."""
        return {**super().get_config(), "decayed": self.decayed}


def _trust_ratio(weight, update):
    """`|w| / |u|`, or 1 where either is 0."""
    weight, update = (ops.sqrt(ops.sum(ops.square(x))) for x in (weight, update))
    defined = ops.logical_and(weight > 0, update > 0)
    return ops.where(defined, weight / ops.where(defined, update, 1), 1)


DECAYED = ("all", "kernels")


def decays(variables, decayed):
    """Whether weight decay applies to each of the variables.

    Args:
        variables: Variables of a model.
        decayed: `"all"`, the default of Caffe and of PyTorch's optimizers, or `"kernels"`: no decay
            of biases, gamma and beta.

    Returns:
        A tuple of booleans.

    Raises:
        ValueError: If `decayed` is neither.
    """
    if decayed not in DECAYED:
        raise ValueError(f"Argument `decayed` must be one of {DECAYED}. Received: {decayed!r}")
    # The last part of the path is the variable's own name; a layer may have any name.
    return tuple(
        decayed == "all" or variable.path.split("/")[-1] == "kernel" for variable in variables
    )
