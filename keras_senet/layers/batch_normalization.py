"""Batch normalization that runs TensorFlow's fused kernel."""

import keras
from keras import ops

from keras_senet.layers.quick_build import QuickBuild

FUSED_DTYPES = ("float32", "float16", "bfloat16")


@keras.saving.register_keras_serializable(package="keras_senet")
class BatchNormalization(QuickBuild, keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization`, several times faster where TensorFlow is the backend.

    Arguments, weights, file format and results are those of the Keras layer. On TensorFlow,
    images `(N, H, W, C)` normalized over the last axis go through one fused kernel, forward and
    backward, which takes half-precision inputs with float32 statistics; Keras computes moments
    and normalization with separate operations in float32. Everything else (other backends, ranks
    and axes, masks, `renorm`, `synchronized`) is Keras' own computation, and so is inference in
    float32: TensorFlow joins the fused kernel with the convolution before it there, and oneDNN
    computes the two of a single image some fifteen times more slowly.

    Under a `tf.distribute` strategy of several replicas each replica normalizes with the
    statistics of its own part of the batch, and all replicas keep the mean of their moving
    statistics; those of the Keras layer drift apart.

    Example:
        >>> BatchNormalization(epsilon=1e-5)(keras.ops.ones((2, 4, 4, 8))).shape
        TensorShape([2, 4, 4, 8])
    """

    def call(
        self,
        inputs: keras.KerasTensor,
        training: bool | None = None,
        mask: keras.KerasTensor | None = None,
    ) -> keras.KerasTensor:
        """`(N, H, W, C)` to `(N, H, W, C)`; batch statistics if `training` and trainable."""
        training = bool(training and self.trainable)
        if mask is None and self._is_fused(inputs, training):
            outputs = self._fused(ops.cast(inputs, self.compute_dtype), training)
        else:
            outputs = super().call(inputs, training=training, mask=mask)
        if training and keras.backend.backend() == "tensorflow":
            self._average_over_replicas()
        return outputs

    def _is_fused(self, inputs, training):
        return (
            keras.backend.backend() == "tensorflow"
            and (training or self.compute_dtype != "float32")
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and not self.synchronized
            and not self.renorm
            and self.compute_dtype in FUSED_DTYPES
            and self.variable_dtype == "float32"
        )

    def _fused(self, x, training):
        import tensorflow as tf

        channels = (x.shape[-1],)
        # The raw operation, since tf.nn's wrapper raises epsilon to at least 1.001e-5.
        output, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=ops.convert_to_tensor(self.gamma) if self.scale else tf.ones(channels),
            offset=ops.convert_to_tensor(self.beta) if self.center else tf.zeros(channels),
            mean=tf.zeros((0,)) if training else ops.convert_to_tensor(self.moving_mean),
            variance=tf.zeros((0,)) if training else ops.convert_to_tensor(self.moving_variance),
            epsilon=self.epsilon,
            is_training=training,
        )
        if training:
            # The kernel returns the unbiased variance; Keras' moving variance is the biased one.
            count = tf.cast(tf.size(x) // tf.shape(x)[-1], "float32")
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance * (count - 1) / count)
        return output

    def _move(self, moving, batch):
        moving.assign(moving * self.momentum + batch * (1.0 - self.momentum))

    def _average_over_replicas(self):
        # Each replica has seen its own part of the batch. Keras leaves it at that, and a
        # checkpoint holds what the first replica saw.
        import tensorflow as tf

        replica = tf.distribute.get_replica_context()
        if replica is None or replica.num_replicas_in_sync == 1:
            return
        moving = self.non_trainable_variables
        means = replica.all_reduce(
            tf.distribute.ReduceOp.MEAN, [ops.convert_to_tensor(variable) for variable in moving]
        )
        for variable, mean in zip(moving, means, strict=True):
            variable.assign(mean)
