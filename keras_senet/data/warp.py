"""An affine map of one uint8 image, interpolated bilinearly: rotations, shears, shifts."""

import tensorflow as tf

GREY = 128
# The three channels of a pixel lie side by side in 64 bits, so that one multiplication weights all
# of them: 8 bits of a channel times 12 of a weight fit into 21.
LANE, WEIGHT = 21, 12
ONES = sum(1 << (LANE * channel) for channel in range(3))


def warp(image, matrix, offset=(0.0, 0.0), fill_mode="CONSTANT"):
    """Pixel (x, y) of the result is pixel `matrix @ (x, y) + offset` of the image.

    TensorFlow's own operation, `ImageProjectiveTransformV3`, takes several times longer: it maps
    the place of every channel of every pixel by itself.

    Args:
        image: `(H, W, 3)` uint8.
        matrix: `(4,)` or nested: the 2x2 matrix by rows, about the image's centre.
        offset: x and y in pixels.
        fill_mode: What lies outside: `"CONSTANT"` (grey) or `"REFLECT"`.

    Returns:
        `(H, W, 3)` uint8, within 1 of the rounded exact value.
    """
    height, width = tf.unstack(tf.shape(image)[:2])
    a, b, c, d = tf.unstack(tf.reshape(tf.cast(matrix, tf.float32), (4,)))
    rows, columns = (tf.cast(side, tf.float32) for side in (height, width))
    y = tf.range(rows)[:, None] - (rows - 1) / 2
    x = tf.range(columns)[None, :] - (columns - 1) / 2
    left, right = _neighbours(a * x + (b * y + (columns - 1) / 2 + offset[0]), columns, fill_mode)
    top, below = _neighbours(c * x + (d * y + (rows - 1) / 2 + offset[1]), rows, fill_mode)
    # A margin of one pixel stands for all that lies outside.
    margin = tf.constant(GREY * ONES, tf.int64)
    pixels = tf.pad(_packed(image), [[1, 1], [1, 1]], constant_values=margin)
    first = tf.cast(top, tf.int32) * (width + 2) + tf.cast(left, tf.int32) + (width + 3)
    pixels = tf.reshape(pixels, [-1])
    total = tf.constant(ONES << (WEIGHT - 1), tf.int64)  # rounds
    scale = float(1 << WEIGHT)
    for step, share in (
        (0, (1 - right) * (1 - below)),
        (1, right * (1 - below)),
        (width + 2, (1 - right) * below),
        (width + 3, right * below),
    ):
        total += tf.gather(pixels, first + step) * tf.cast(scale * share + 0.5, tf.int64)
    return _unpacked(total)


def _neighbours(place, size, fill_mode):
    """The pixel before each place, from -1 to `size - 1`, and the share of the one after it."""
    if fill_mode == "REFLECT":
        place = size - tf.abs(size - tf.abs(place + 0.5)) - 0.5
        place = tf.clip_by_value(place, 0, size - 1)
    else:
        place = tf.clip_by_value(place, -1, size)
    before = tf.minimum(tf.floor(place), size - 1)
    return before, place - before


def _packed(image):
    """`(H, W)` int64 of `(H, W, 3)` uint8."""
    channels = [tf.cast(image[..., number], tf.int64) for number in range(3)]
    return channels[0] + channels[1] * (1 << LANE) + channels[2] * (1 << 2 * LANE)


def _unpacked(pixels):
    """`(H, W, 3)` uint8 of weighted sums `(H, W)` int64."""
    channels = [
        tf.cast(tf.bitwise.right_shift(pixels, WEIGHT + LANE * number) & 255, tf.uint8)
        for number in range(3)
    ]
    return tf.stack(channels, -1)
