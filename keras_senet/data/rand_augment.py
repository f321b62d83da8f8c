"""RandAugment on one uint8 image, stateless.

Keras' own layer keeps its random state in a variable, so that what an image undergoes depends on
which images came before it, and computes all its operations for each that it applies.

Reference:
    E. Cubuk et al., RandAugment, 2020; ranges of the operations as in timm's.
"""

import math

import tensorflow as tf

GREY = 128


def rand_augment(image, key, count, magnitude):
    """Applies `count` operations, each drawn anew, with a random sign where it has one.

    Args:
        image: `(S, S, 3)` uint8.
        key: `(2,)` int64.
        count: Number of operations.
        magnitude: Their strength, 0 to 10.

    Returns:
        `(S, S, 3)` uint8.
    """
    level = magnitude / 10
    for number in range(count):
        own = tf.random.experimental.stateless_fold_in(key, number)
        sign = 2.0 * tf.cast(tf.random.stateless_uniform((), own) < 0.5, tf.float32) - 1
        chosen = tf.random.stateless_uniform(
            (), tf.bitwise.invert(own), 0, len(OPERATIONS), tf.int32
        )
        branches = [
            lambda operation=operation, image=image, sign=sign: operation(image, sign * level)
            for operation in OPERATIONS
        ]
        image = tf.ensure_shape(tf.switch_case(chosen, branches), image.shape)
    return image


def warp(image, matrix, offset=(0.0, 0.0), fill_mode="CONSTANT"):
    """Pixel (x, y) of the result is pixel `matrix @ (x, y) + offset` of the image.

    Args:
        image: `(H, W, 3)` uint8.
        matrix: `(4,)` or nested: the 2x2 matrix by rows, about the image's centre.
        offset: x and y in pixels.
        fill_mode: What lies outside: `"CONSTANT"` (grey) or `"REFLECT"`.
    """
    a, b, c, d = tf.unstack(tf.reshape(tf.cast(matrix, tf.float32), (4,)))
    middle = (tf.cast(tf.shape(image)[:2], tf.float32) - 1) / 2
    y, x = middle[0], middle[1]
    transform = [a, b, x - a * x - b * y + offset[0], c, d, y - c * x - d * y + offset[1], 0.0, 0.0]
    warped = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(image, tf.float32)[None],
        transforms=tf.stack(transform)[None],
        output_shape=tf.shape(image)[:2],
        interpolation="BILINEAR",
        fill_mode=fill_mode,
        fill_value=float(GREY),
    )[0]
    return _pixels(warped)


def _pixels(image):
    return tf.ensure_shape(
        tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8), (None, None, 3)
    )


def _blend(image, other, level):
    """The image moved away from the other one (level above 0) or towards it."""
    image, other = tf.cast(image, tf.float32), tf.cast(other, tf.float32)
    return _pixels(other + (1 + 0.9 * level) * (image - other))


def _identity(image, level):
    return image


def _shear_x(image, level):
    return warp(image, tf.stack([1.0, 0.3 * level, 0.0, 1.0]))


def _shear_y(image, level):
    return warp(image, tf.stack([1.0, 0.0, 0.3 * level, 1.0]))


def _translate_x(image, level):
    shift = 0.45 * level * tf.cast(tf.shape(image)[1], tf.float32)
    return warp(image, [1.0, 0.0, 0.0, 1.0], (shift, 0.0))


def _translate_y(image, level):
    shift = 0.45 * level * tf.cast(tf.shape(image)[0], tf.float32)
    return warp(image, [1.0, 0.0, 0.0, 1.0], (0.0, shift))


def _rotate(image, level):
    angle = level * math.pi / 6  # 30 degrees
    cosine, sine = tf.cos(angle), tf.sin(angle)
    return warp(image, tf.stack([cosine, -sine, sine, cosine]))


def _brightness(image, level):
    return _blend(image, tf.zeros_like(image), level)


def _contrast(image, level):
    return _blend(
        image, tf.reduce_mean(tf.image.rgb_to_grayscale(tf.cast(image, tf.float32))), level
    )


def _colour(image, level):
    return _blend(image, tf.image.rgb_to_grayscale(image), level)


def _sharpness(image, level):
    kernel = tf.constant([[1, 1, 1], [1, 5, 1], [1, 1, 1]], tf.float32) / 13
    kernel = tf.tile(kernel[:, :, None, None], (1, 1, 3, 1))
    smooth = tf.nn.depthwise_conv2d(tf.cast(image, tf.float32)[None], kernel, [1] * 4, "VALID")[0]
    # The edge, which has no neighbours, is left alone.
    inside = tf.pad(tf.ones_like(smooth), [[1, 1], [1, 1], [0, 0]])
    smooth = tf.pad(smooth, [[1, 1], [1, 1], [0, 0]])
    return _blend(image, tf.where(inside > 0, smooth, tf.cast(image, tf.float32)), level)


def _posterize(image, level):
    bits = tf.cast(tf.round(4 * tf.abs(level)), tf.uint8)  # the lowest ones go
    return tf.bitwise.left_shift(tf.bitwise.right_shift(image, bits), bits)


def _solarize(image, level):
    threshold = 256 * (1 - tf.abs(level))
    return tf.where(tf.cast(image, tf.float32) >= threshold, 255 - image, image)


def _auto_contrast(image, level):
    pixels = tf.cast(image, tf.float32)
    low, high = tf.reduce_min(pixels, (0, 1)), tf.reduce_max(pixels, (0, 1))
    stretched = (pixels - low) * 255 / tf.maximum(high - low, 1)
    return _pixels(tf.where(high > low, stretched, pixels))


def _equalize(image, level):
    def channel(values):
        values = tf.cast(tf.reshape(values, [-1]), tf.int32)
        counts = tf.math.bincount(values, minlength=256, maxlength=256)
        last = tf.gather(counts, tf.reduce_max(values))
        step = (tf.size(values) - last) // 255  # Pillow's integer arithmetic
        below = tf.cumsum(counts, exclusive=True)
        table = tf.minimum((below + step // 2) // tf.maximum(step, 1), 255)
        table = tf.where(step > 0, table, tf.range(256))
        return tf.reshape(tf.gather(table, values), tf.shape(image)[:2])

    channels = [channel(image[..., number]) for number in range(3)]
    return _pixels(tf.cast(tf.stack(channels, -1), tf.float32))


OPERATIONS = (
    _identity,
    _shear_x,
    _shear_y,
    _translate_x,
    _translate_y,
    _rotate,
    _brightness,
    _contrast,
    _colour,
    _sharpness,
    _posterize,
    _solarize,
    _auto_contrast,
    _equalize,
)
