"""The operations of an augmentation on one image, stateless.

A key is `(seed, position)`, int64; each operation draws from a key of its own.
"""

import math

import tensorflow as tf

from keras_senet.data.rand_augment import rand_augment
from keras_senet.data.warp import warp

PAD, FLIP, ROTATION, JITTER, RAND_AUGMENT, ERASING = range(1, 7)


def augment(image, key, augmentation, size):
    """Applies all operations but the crop to an image `(S, S, 3)` uint8."""

    def own(operation):
        return tf.random.experimental.stateless_fold_in(key, operation)

    if augmentation.crop == "pad":
        image = pad_and_crop(image, own(PAD), augmentation.padding, size)
    if augmentation.flip:
        image = tf.image.stateless_random_flip_left_right(image, own(FLIP))
    if augmentation.rotation:
        image = rotate(image, own(ROTATION), augmentation.rotation)
    if augmentation.jitter:
        image = jitter(image, own(JITTER), augmentation.jitter)
    if augmentation.rand_augment:
        image = rand_augment(image, own(RAND_AUGMENT), augmentation)
    if augmentation.erasing:
        image = erase(image, own(ERASING), augmentation.erasing)
    return tf.ensure_shape(image, (size, size, 3))


def pad_and_crop(image, key, padding, size):
    """Zeros on all sides, and a random crop back to the size."""
    image = tf.pad(image, [[padding, padding], [padding, padding], [0, 0]])
    return tf.image.stateless_random_crop(image, (size, size, 3), key)


def rotate(image, key, degrees):
    """Rotates about the centre by a uniform angle of at most so many degrees."""
    limit = degrees * math.pi / 180
    angle = tf.random.stateless_uniform((), key, -limit, limit)
    cosine, sine = tf.cos(angle), tf.sin(angle)
    return warp(image, tf.stack([cosine, -sine, sine, cosine]), fill_mode="REFLECT")


def jitter(image, key, limit):
    """Adds to each channel a uniform number of at most this size."""
    return _shifted(image, tf.random.stateless_uniform((3,), key, -limit, limit))


@tf.function(jit_compile=True)
def _shifted(image, change):
    changed = tf.cast(image, tf.float32) + change
    return tf.cast(tf.clip_by_value(tf.round(changed), 0, 255), tf.uint8)


def erase(image, key, probability):
    """Fills a rectangle of 2 to 33 % of the area, at ratios of 3:10 to 10:3, with noise.

    Reference:
        Z. Zhong et al., Random Erasing Data Augmentation, 2020, algorithm 1.
    """
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    draws = tf.random.stateless_uniform((5,), key)
    area = (0.02 + draws[1] * (0.33 - 0.02)) * tf.cast(height * width, tf.float32)
    ratio = tf.exp((2 * draws[2] - 1) * math.log(10 / 3))

    def side(pixels, limit):
        return tf.clip_by_value(tf.cast(tf.round(tf.sqrt(pixels)), tf.int32), 1, limit)

    rows, columns = side(area * ratio, height), side(area / ratio, width)
    top = tf.cast(draws[3] * tf.cast(height - rows + 1, tf.float32), tf.int32)
    left = tf.cast(draws[4] * tf.cast(width - columns + 1, tf.float32), tf.int32)
    y, x = tf.range(height)[:, None, None], tf.range(width)[None, :, None]
    inside = (y >= top) & (y < top + rows) & (x >= left) & (x < left + columns)
    noise = tf.random.stateless_uniform(
        tf.shape(image), tf.bitwise.invert(key), 0, 256, dtype=tf.int32
    )
    erased = inside & (draws[0] < probability)
    return tf.where(erased, tf.cast(noise, tf.uint8), image)
