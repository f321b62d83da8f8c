"""Squeeze and scale of an SE block on TensorFlow, in few passes over the image.

The excitation is tiny: the time of an SE block is that of the passes over its input. TensorFlow
runs one kernel for each operation, and differentiating the mean and the scaling one by one takes
twelve passes backward. Here it takes six, and half-precision images are never copied to float32.
"""

import tensorflow as tf

from keras_senet.layers import processor


def scale_by_excitation(images, excitation):
    """`images * excitation(means)`, with `means` of each channel of each image over H and W.

    Args:
        images: `(N, H, W, C)`, W known.
        excitation: Function of the means to the gates, `(N, 1, 1, C)` in float32 both.

    Returns:
        The scaled images, of the dtype of `images`.
    """
    # With y = x * s and s = excitation(mean(x)) the gradient of the images is
    #     dL/dx = dL/dy * s + dL/dmean / (H W).
    # `scale` hands dL/dy on as it is, and `squeeze` computes both terms in one pass.
    gates = None
    is_fused = True

    @tf.custom_gradient
    def squeeze(x):
        def gradient(of_means, of_scaled):
            nonlocal is_fused
            pixels = tf.cast(tf.shape(x)[1] * tf.shape(x)[2], "float32")
            of_means = tf.cast(of_means / pixels, x.dtype)
            # Forward-mode differentiation asks before the gates exist: `scale` multiplies then.
            is_fused = is_fused and gates is not None
            return _multiply_add(of_scaled, gates, of_means) if is_fused else of_scaled + of_means

        return (_mean(x), tf.identity(x)), gradient

    @tf.custom_gradient
    def scale(x, s):
        def gradient(of_scaled):
            pixels = tf.cast(tf.shape(x)[1] * tf.shape(x)[2], "float32")
            # `images` and not `x`, which is an output of `squeeze`: a second derivative by way of
            # x would be multiplied by the gates once more.
            of_gates = _mean(of_scaled * images) * pixels
            return (of_scaled if is_fused else of_scaled * s), tf.cast(of_gates, s.dtype)

        return x * s, gradient

    means, squeezed = squeeze(images)
    gates = tf.cast(excitation(means), images.dtype)
    return scale(squeezed, gates)


def _multiply_add(x, factors, summands):
    compiled = processor.is_cpu()  # On a GPU not tried.
    return (_compiled_multiply_add if compiled else _plain_multiply_add)(x, factors, summands)


def _plain_multiply_add(x, factors, summands):
    return x * factors + summands


_compiled_multiply_add = tf.function(_plain_multiply_add, jit_compile=True)


def _mean(x):
    # TensorFlow's pooling sums in float32 and is faster than a reduction, but rounds the mean to
    # the dtype of x. In half precision (or if H is open) it takes the means of rows only, and
    # their mean is computed in float32.
    if x.dtype == "float32" and x.shape[1] is not None:
        return tf.nn.avg_pool2d(x, x.shape[1:3], 1, "VALID")
    rows = tf.nn.avg_pool2d(x, (1, x.shape[2]), 1, "VALID")
    return tf.reduce_mean(tf.cast(rows, "float32"), axis=1, keepdims=True)
