"""LAMB whose weight decay is the paper's."""

import keras
from keras import ops

from keras_senet.training.weight_decay import decays


@keras.saving.register_keras_serializable(package="keras_senet")
class Lamb(keras.optimizers.Lamb):
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

    def __init__(self, learning_rate=0.001, decay=0.0, epsilon=1e-6, **kwargs):
        super().__init__(learning_rate, epsilon=epsilon, **kwargs)
        self.decay = decay
        self._decays = ()

    def build(self, variables):
        """Creates both moments of every variable."""
        super().build(variables)
        self._decays = decays(variables, "kernels")

    def update_step(self, gradient, variable, learning_rate):
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

    def get_config(self):
        """Constructor arguments."""
        return {**super().get_config(), "decay": self.decay}


def _trust_ratio(weight, update):
    """`|w| / |u|`, or 1 where either is 0."""
    weight, update = (ops.sqrt(ops.sum(ops.square(x))) for x in (weight, update))
    defined = ops.logical_and(weight > 0, update > 0)
    return ops.where(defined, weight / ops.where(defined, update, 1), 1)
