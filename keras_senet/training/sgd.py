"""SGD whose weight decay is the L2 penalty that the papers mean."""

import keras


@keras.saving.register_keras_serializable(package="keras_senet")
class SGD(keras.optimizers.SGD):
    """`keras.optimizers.SGD` with an L2 penalty on kernels inside the momentum.

    Keras' own `weight_decay` shrinks the weights beside the momentum, which at momentum 0.9 is ten
    times weaker than the same number in Caffe or PyTorch. Here the gradient of a kernel becomes
    `gradient + l2 * kernel`; biases and normalization have no penalty.

    Args:
        learning_rate: Number or schedule.
        momentum: Momentum.
        nesterov: Whether it is Nesterov's.
        l2: Coefficient of the penalty `l2 / 2 * |kernel|^2`.
        **kwargs: As for every Keras optimizer.
    """

    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, l2=0.0, **kwargs):
        super().__init__(learning_rate, momentum=momentum, nesterov=nesterov, **kwargs)
        self.l2 = l2

    def apply(self, grads, trainable_variables=None):
        """One step of all variables."""
        variables = trainable_variables or self._trainable_variables
        penalized = [
            gradient + keras.ops.cast(self.l2 * variable, gradient.dtype)
            if self.l2 and variable.path.endswith("kernel")
            else gradient
            for gradient, variable in zip(grads, variables, strict=True)
        ]
        super().apply(penalized, trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        """One step of one variable, in one kernel where TensorFlow has it."""
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
        return {**super().get_config(), "l2": self.l2}
