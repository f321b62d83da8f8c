"""RandAugment on one uint8 image, stateless.

Keras' own layer keeps its random state in a variable, so that what an image undergoes depends on
which images came before it, and computes all its operations for each that it applies.

Reference:
    E. Cubuk et al., RandAugment, 2020; operations, their ranges and their noise as those that timm
    names `rand-...-inc1`, which "ResNet strikes back" was trained with.
"""

import math

import tensorflow as tf

from keras_senet.data.warp import warp

# One loop over the pixels instead of one for each operation. TensorFlow's own are slow where a
# number for each of three channels is added or multiplied.
fused = tf.function(jit_compile=True)
LUMA = (0.299, 0.587, 0.114)  # shares of red, green and blue in grey (ITU-R 601-2)


def rand_augment(image, key, augmentation):
    """Applies operations, each drawn anew, with a random sign where it has one.

    Args:
        image: `(S, S, 3)` uint8.
        key: `(2,)` int64.
        augmentation: An `Augmentation`, whose fields `rand_augment`, `rand_probability`,
            `magnitude` and `magnitude_std` say how many and how strong.

    Returns:
        `(S, S, 3)` uint8.
    """
    for number in range(augmentation.rand_augment):
        own = tf.random.experimental.stateless_fold_in(key, number)
        draws = tf.random.stateless_uniform((3,), own)
        noise = augmentation.magnitude_std * tf.random.stateless_normal((), tf.bitwise.invert(own))
        level = tf.clip_by_value(augmentation.magnitude + noise, 0, 10) / 10
        level *= tf.where(draws[2] < 0.5, 1.0, -1.0)
        chosen = tf.cast(draws[0] * len(OPERATIONS), tf.int32)
        chosen = tf.where(draws[1] < augmentation.rand_probability, chosen, len(OPERATIONS))
        branches = [
            lambda operation=operation, image=image, level=level: operation(image, level)
            for operation in (*OPERATIONS, _identity)
        ]
        image = tf.ensure_shape(tf.switch_case(chosen, branches), image.shape)
    return image


def _pixels(image):
    return tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)


def _factor(level):
    """Of an image's difference from a dull one: above 1 away from it, below 1 towards it."""
    return tf.maximum(0.1, 1 + 0.9 * level)


def _identity(image, level):
    return image


@fused
def _auto_contrast(image, level):
    pixels = tf.cast(image, tf.float32)
    low, high = tf.reduce_min(pixels, (0, 1)), tf.reduce_max(pixels, (0, 1))
    scale = tf.where(high > low, 255 / tf.maximum(high - low, 1), 1)
    return _pixels(pixels * scale - tf.where(high > low, low * scale, 0))


def _equalize(image, level):
    channels = [tf.reshape(image[..., number], [-1]) for number in range(3)]
    counts = [tf.math.bincount(tf.cast(x, tf.int32), minlength=256) for x in channels]
    return _equalized(image, tf.stack(counts))


@fused
def _equalized(image, counts):
    values = tf.range(256)
    greatest = tf.reduce_max(tf.where(counts > 0, values, 0), 1, keepdims=True)
    last = tf.reduce_sum(tf.where(values == greatest, counts, 0), 1, keepdims=True)
    step = (tf.reduce_sum(counts, 1, keepdims=True) - last) // 255  # Pillow's integer arithmetic
    below = tf.cumsum(counts, axis=1, exclusive=True)
    table = tf.minimum((below + step // 2) // tf.maximum(step, 1), 255)
    table = tf.cast(tf.where(step > 0, table, values), tf.uint8)
    return tf.gather(tf.reshape(table, [-1]), tf.cast(image, tf.int32) + 256 * tf.range(3))


def _invert(image, level):
    return 255 - image


def _rotate(image, level):
    angle = level * math.pi / 6  # 30 degrees
    cosine, sine = tf.cos(angle), tf.sin(angle)
    return warp(image, tf.stack([cosine, -sine, sine, cosine]))


def _posterize(image, level):
    bits = 4 + tf.cast(4 * tf.abs(level), tf.int32)  # the lowest ones go
    mask = 256 - tf.bitwise.left_shift(1, bits)
    return tf.bitwise.bitwise_and(image, tf.cast(mask, tf.uint8))


def _solarize(image, level):
    threshold = 256 - tf.cast(256 * tf.abs(level), tf.int32)
    inverted = tf.cast(image >= tf.cast(tf.minimum(threshold, 255), tf.uint8), tf.uint8)
    mask = tf.cast(tf.where(threshold < 256, 255, 0), tf.uint8)
    return tf.bitwise.bitwise_xor(image, inverted * mask)


def _solarize_add(image, level):
    return image + tf.cast(image < 128, tf.uint8) * tf.cast(110 * tf.abs(level), tf.uint8)


@fused
def _colour(image, level):
    factor, luma = _factor(level), tf.constant(LUMA)
    matrix = factor * tf.eye(3) + (1 - factor) * luma[:, None]
    pixels = tf.reshape(tf.cast(image, tf.float32), (-1, 3)) @ matrix
    return tf.reshape(_pixels(pixels), tf.shape(image))


@fused
def _contrast(image, level):
    factor, pixels = _factor(level), tf.cast(image, tf.float32)
    mean = tf.tensordot(tf.reduce_mean(pixels, (0, 1)), tf.constant(LUMA), 1)
    return _pixels(factor * pixels + (1 - factor) * mean)


def _brightness(image, level):
    return _pixels(_factor(level) * tf.cast(image, tf.float32))


@fused
def _sharpness(image, level):
    pixels = tf.cast(image, tf.float32)
    rows = pixels[:-2] + pixels[1:-1] + pixels[2:]
    box = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    inner = pixels[1:-1, 1:-1]
    details = inner - (box + 4 * inner) / 13
    # The edge, which has no neighbours, is left alone.
    return _pixels(pixels + tf.pad((_factor(level) - 1) * details, [[1, 1], [1, 1], [0, 0]]))


def _shear_x(image, level):
    """About the upper left corner, as Pillow does."""
    shear = 0.3 * level
    height = tf.cast(tf.shape(image)[0], tf.float32)
    return warp(image, tf.stack([1.0, shear, 0.0, 1.0]), (shear * height / 2, 0.0))


def _shear_y(image, level):
    shear = 0.3 * level
    width = tf.cast(tf.shape(image)[1], tf.float32)
    return warp(image, tf.stack([1.0, 0.0, shear, 1.0]), (0.0, shear * width / 2))


def _translate_x(image, level):
    shift = 0.45 * level * tf.cast(tf.shape(image)[1], tf.float32)
    return warp(image, [1.0, 0.0, 0.0, 1.0], (shift, 0.0))


def _translate_y(image, level):
    shift = 0.45 * level * tf.cast(tf.shape(image)[0], tf.float32)
    return warp(image, [1.0, 0.0, 0.0, 1.0], (0.0, shift))


# In the order of timm's `_RAND_INCREASING_TRANSFORMS`.
OPERATIONS = (
    _auto_contrast,
    _equalize,
    _invert,
    _rotate,
    _posterize,
    _solarize,
    _solarize_add,
    _colour,
    _contrast,
    _brightness,
    _sharpness,
    _shear_x,
    _shear_y,
    _translate_x,
    _translate_y,
)
