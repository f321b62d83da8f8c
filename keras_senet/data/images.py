"""From an item (pixels, or the path of a file) to a uint8 image of one size.

Every function takes the item, the size S in pixels and returns `(S, S, 3)` uint8.
"""

import tensorflow as tf

PADDING = 4  # pixels, He et al., section 4.2
CROP = 0.875  # share of the shorter side that evaluation sees: 224 of 256


def centre(item, size):
    """The image itself, or of a file the centre crop that evaluation uses."""
    if item.dtype != tf.string:
        return item
    return centre_crop(_decode(item), size)


def centre_crop(image, size):
    """The central square of a decoded image `(H, W, 3)` that evaluation uses."""
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    side = tf.cast(tf.round(CROP * tf.cast(tf.minimum(height, width), tf.float32)), tf.int32)
    top, left = (height - side) // 2, (width - side) // 2
    return _resize(image[top : top + side, left : left + side], size)


def shift(item, size, seed):
    """Zero padding by 4 pixels on all sides and a random crop back to the size."""
    image = tf.pad(centre(item, size), [[PADDING, PADDING], [PADDING, PADDING], [0, 0]])
    return tf.image.stateless_random_crop(image, (size, size, 3), seed)


def random_crop(item, size, seed):
    """A random crop of 8 to 100 % of the area, at ratios of 3:4 to 4:3, and a random flip."""
    image = _decode(item)
    begin, extent, _ = tf.image.stateless_sample_distorted_bounding_box(
        tf.shape(image),
        tf.zeros((1, 0, 4)),
        seed=seed,
        area_range=(0.08, 1.0),
        aspect_ratio_range=(3 / 4, 4 / 3),
        max_attempts=10,
        use_image_if_no_bounding_boxes=True,
    )
    image = _resize(tf.slice(image, begin, extent), size)
    # Another draw than the crop's.
    return tf.image.stateless_random_flip_left_right(image, tf.bitwise.invert(seed))


def _decode(path):
    image = tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)
    image.set_shape((None, None, 3))
    return image


def _resize(image, size):
    image = tf.image.resize(image, (size, size), antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)
