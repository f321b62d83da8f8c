"""SGD whose weight decay is the L2 penalty that the papers mean."""

import keras

from keras_senet.training.weight_decay import decays


@keras.saving.register_keras_serializable(package="keras_senet")
class SGD(keras.optimizers.SGD):
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
        nesterov: Whether it is Nesterov's.
        l2: Coefficient of the penalty `l2 / 2 * |w|^2`.
        decayed: What it applies to: `"kernels"` or `"all"`.
        **kwargs: As for every Keras optimizer.

    Example:
        >>> SGD(0.1, momentum=0.9, l2=1e-4).l2
        0.0001
    """

    def __init__(
        self,
        learning_rate=0.01,
        momentum=0.0,
        nesterov=False,
        l2=0.0,
        decayed="kernels",
        **kwargs,
    ):
        super().__init__(learning_rate, momentum=momentum, nesterov=nesterov, **kwargs)
        self.l2 = l2
        self.decayed = decayed
        self._decays = decays((), decayed)

    def build(self, variables):
        """Creates the velocities."""
        super().build(variables)
        self._decays = decays(variables, self.decayed)

    def update_step(self, gradient, variable, learning_rate):
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

    def get_config(self):
        """Constructor arguments."""
        return {**super().get_config(), "l2": self.l2, "decayed": self.decayed}
