"""Which part of an image is delivered, and in what size.

A window is `(top, left, height, width)` in pixels, int32.
"""

import tensorflow as tf

CROP = 0.875  # share of the shorter side that evaluation sees: 224 of 256
# What the header of a JPEG file shows when a decoder that ignores EXIF may not be used: the entry
# of the orientation tag, in the two byte orders, with a value other than 1.
TURNED = (
    r"\C*\x12\x01\x03\x00\x01\x00\x00\x00[\x02-\x08]\C*"
    r"|\C*\x01\x12\x00\x03\x00\x00\x00\x01\x00[\x02-\x08]\C*"
)
EXIF_BYTES = 1 << 16  # an EXIF segment ends within them


def jpeg_shape(data):
    """`(H, W, 3)` of an upright, whole RGB or grey JPEG file; InvalidArgumentError otherwise."""
    start = tf.strings.substr(data, 0, 4096)
    exif = tf.strings.regex_full_match(start, r"\C*Exif\C*")
    header = tf.strings.substr(data, 0, tf.where(exif, EXIF_BYTES, 0))
    upright = tf.logical_not(tf.strings.regex_full_match(header, TURNED))
    # A reader of crops would not notice that the rest of the file is missing.
    whole = tf.strings.substr(data, -2, 2) == b"\xff\xd9"
    is_jpeg = tf.strings.substr(data, 0, 3) == b"\xff\xd8\xff"
    with tf.control_dependencies([tf.Assert(is_jpeg & upright & whole, [is_jpeg, upright, whole])]):
        shape = tf.image.extract_jpeg_shape(data)
    with tf.control_dependencies([tf.Assert(shape[2] != 4, [shape])]):  # CMYK
        return tf.identity(shape)


def centre(shape, key=None):
    """The central square that evaluation sees; the same for every key."""
    height, width = shape[0], shape[1]
    side = tf.cast(tf.round(CROP * tf.cast(tf.minimum(height, width), tf.float32)), tf.int32)
    return tf.stack([(height - side) // 2, (width - side) // 2, side, side])


def part(shape, key, area, ratio):
    """A random part: ten attempts at a share and a ratio that fit, else the whole image."""
    begin, extent, _ = tf.image.stateless_sample_distorted_bounding_box(
        shape,
        tf.zeros((1, 0, 4)),
        seed=key,
        min_object_covered=0.0,
        area_range=area,
        aspect_ratio_range=ratio,
        max_attempts=10,
        use_image_if_no_bounding_boxes=True,
    )
    return tf.concat([begin[:2], extent[:2]], 0)


def cut(image, window):
    """The pixels of a window."""
    top, left, height, width = tf.unstack(window)
    return image[top : top + height, left : left + width]


def resize(image, size):
    """`(size, size, 3)` uint8, bilinear; with antialiasing, as Pillow resizes."""
    image = tf.image.resize(image, (size, size), antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)


def fast_resize(image, size):
    """The same for training, at half the cost: means of areas where the image shrinks."""
    shrinks = tf.reduce_min(tf.shape(image)[:2]) > size
    image = tf.cond(
        shrinks,
        lambda: tf.image.resize(image, (size, size), method="area"),
        lambda: tf.image.resize(image, (size, size)),
    )
    return tf.ensure_shape(tf.cast(image + 0.5, tf.uint8), (size, size, 3))
