"""Grouped convolution that trains on a CPU under TensorFlow."""

import functools

import keras


@functools.cache
def _native_gradient_works():
    """Whether this TensorFlow's own kernel differentiates a grouped convolution.

    It does with oneDNN (the default on x86 Linux) and on GPUs, it raises elsewhere. Tried once
    in a tiny eager step, outside of whatever graph is being traced.
    """
    import tensorflow as tf

    with tf.init_scope():
        x, kernel = tf.ones((1, 3, 3, 4)), tf.ones((3, 3, 2, 4))
        try:
            with tf.GradientTape() as tape:
                tape.watch([x, kernel])
                y = tf.nn.conv2d(x, kernel, 1, "SAME")
            tape.gradient(y, [x, kernel])
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
            return False
    return True


@keras.saving.register_keras_serializable(package="keras_senet")
class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D`, whose groups train fast where TensorFlow is the backend.

    Arguments, weights, file format and results are those of the Keras layer. Keras compiles
    every grouped convolution on TensorFlow with XLA, whose code for the gradient on a CPU is some
    hundred times slower than TensorFlow's own kernel. This layer calls that kernel, or convolves
    group by group where the kernel has no gradient. Without groups, in channels first and on the
    other backends it is Keras' layer.

    Example:
        >>> Conv2D(64, 3, groups=32)(keras.ops.ones((1, 8, 8, 64))).shape
        TensorShape([1, 6, 6, 64])
    """

    def convolution_op(self, inputs, kernel):
        """Convolves `(N, H, W, C)` with `(kh, kw, C / groups, filters)`."""
        if (
            self.groups == 1
            or keras.backend.backend() != "tensorflow"
            or self.data_format != "channels_last"
        ):
            return super().convolution_op(inputs, kernel)
        import tensorflow as tf

        convolve = functools.partial(
            tf.nn.conv2d,
            strides=self.strides,
            padding=self.padding.upper(),
            dilations=self.dilation_rate,
        )
        if _native_gradient_works():
            return convolve(inputs, kernel)
        pairs = zip(
            tf.split(inputs, self.groups, -1), tf.split(kernel, self.groups, -1), strict=True
        )
        return tf.concat([convolve(x, k) for x, k in pairs], -1)
