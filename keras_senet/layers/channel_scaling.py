"""What an SE block does to a whole image on TensorFlow: few bytes moved, forward and backward.

The excitation is tiny; an SE block costs the passes over its input. TensorFlow runs one kernel
for each operation, and differentiating mean and product one by one takes twelve passes backward.
Here it takes eight, and half-precision images are never copied to float32.
"""

import tensorflow as tf


def squeeze(images):
    """Mean of every channel of every image, and the images to go on with.

    Whoever scales the images must take the second output: its gradient and that of the mean are
    summed here in one pass.

    Args:
        images: `(N, H, W, C)`, W known.

    Returns:
        The means `(N, 1, 1, C)` in float32, and the images.
    """

    @tf.custom_gradient
    def split(x):
        def gradient(of_mean, of_images):
            pixels = tf.cast(tf.shape(x)[1] * tf.shape(x)[2], "float32")
            return of_images + tf.cast(of_mean / pixels, x.dtype)

        return (_mean(x), tf.identity(x)), gradient

    return split(images)


@tf.custom_gradient
def scale(images, gates):
    """`(N, H, W, C)` times `(N, 1, 1, C)`, both of one dtype."""

    def gradient(upstream):
        pixels = tf.cast(tf.shape(images)[1] * tf.shape(images)[2], "float32")
        of_gates = _mean(upstream * images) * pixels
        return upstream * gates, tf.cast(of_gates, gates.dtype)

    return images * gates, gradient


def _mean(x):
    # By the pooling kernel, which accumulates in float32 and is faster than a reduction. Half
    # precision is to round each row and not the whole: means of rows, and their mean in float32.
    if x.dtype == "float32" and x.shape[1] is not None:
        return tf.nn.avg_pool2d(x, x.shape[1:3], 1, "VALID")
    rows = tf.nn.avg_pool2d(x, (1, x.shape[2]), 1, "VALID")
    return tf.reduce_mean(tf.cast(rows, "float32"), axis=1, keepdims=True)
