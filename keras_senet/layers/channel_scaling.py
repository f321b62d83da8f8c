"""What an SE block does to a whole image on TensorFlow: few bytes moved, forward and backward.

The excitation is tiny; an SE block costs the passes over its input. TensorFlow runs one kernel
for each operation, and differentiating mean and product one by one takes twelve passes backward.
Here it takes six, and half-precision images are never copied to float32.
"""

import tensorflow as tf

from keras_senet.layers import processor


def scale_by_excitation(images, excitation):
    """`images * excitation(means)`, with `means` those of every channel of every image.

    Args:
        images: `(N, H, W, C)`, W known.
        excitation: Function of the means to the gates, `(N, 1, 1, C)` in float32 both.

    Returns:
        The scaled images, of the dtype of `images`.
    """
    # What reaches the images is a sum, of what comes through the product and what comes through
    # the mean. The product hands on its gradient as it comes, and the sum is made in one pass.
    gates = None
    is_fused = True

    @tf.custom_gradient
    def squeeze(x):
        def gradient(of_means, of_scaled):
            nonlocal is_fused
            pixels = tf.cast(tf.shape(x)[1] * tf.shape(x)[2], "float32")
            of_means = tf.cast(of_means / pixels, x.dtype)
            # Forward-mode differentiation asks before there are gates: each part for itself then.
            is_fused = is_fused and gates is not None
            return _multiply_add(of_scaled, gates, of_means) if is_fused else of_scaled + of_means

        return (_mean(x), tf.identity(x)), gradient

    @tf.custom_gradient
    def scale(x, s):
        def gradient(of_scaled):
            pixels = tf.cast(tf.shape(x)[1] * tf.shape(x)[2], "float32")
            # Read before the squeeze: a gradient of this gradient that reached x, which comes out
            # of it, would be multiplied by the gates once more.
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
    # By the pooling kernel, which accumulates in float32 and is faster than a reduction. Half
    # precision is to round each row and not the whole: means of rows, and their mean in float32.
    if x.dtype == "float32" and x.shape[1] is not None:
        return tf.nn.avg_pool2d(x, x.shape[1:3], 1, "VALID")
    rows = tf.nn.avg_pool2d(x, (1, x.shape[2]), 1, "VALID")
    return tf.reduce_mean(tf.cast(rows, "float32"), axis=1, keepdims=True)
