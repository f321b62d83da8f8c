"""Which part of an image is delivered, and in what size.

A window is `(top, left, height, width)` in pixels, int32.
"""

import math

import tensorflow as tf

ATTEMPTS = 10
CROP = 0.875  # share of the shorter side that evaluation sees: 224 of 256
# What the header of a JPEG file shows when a decoder that ignores EXIF may not be used: the entry
# of the orientation tag, in the two byte orders, with a value other than 1.
TURNED = (
    r"\C*\x12\x01\x03\x00\x01\x00\x00\x00[\x02-\x08]\C*"
    r"|\C*\x01\x12\x00\x03\x00\x00\x00\x01\x00[\x02-\x08]\C*"
)
EXIF_BYTES = 1 << 16  # an EXIF segment ends within them


def is_upright_jpeg(data):
    """Whether the bytes are a whole JPEG file whose pixels need no turning."""
    start = tf.strings.substr(data, 0, 256)  # EXIF comes first, or after a JFIF segment
    exif = tf.strings.regex_full_match(start, r"\C*Exif\C*")
    header = tf.strings.substr(data, 0, tf.where(exif, EXIF_BYTES, 0))
    turned = tf.strings.regex_full_match(header, TURNED)
    # A reader of crops would not notice that the rest of the file is missing.
    whole = tf.strings.substr(data, -2, 2) == b"\xff\xd9"
    return (tf.strings.substr(data, 0, 3) == b"\xff\xd8\xff") & whole & ~turned


def jpeg_shape(data):
    """`(H, W, 3)` of an RGB or grey JPEG file; InvalidArgumentError otherwise."""
    shape = tf.image.extract_jpeg_shape(data)
    with tf.control_dependencies([tf.Assert(shape[2] != 4, [shape])]):  # CMYK
        return tf.identity(shape)


def centre(shape, key=None):
    """The central square that evaluation sees; the same for every key."""
    height, width = shape[0], shape[1]
    side = tf.cast(tf.round(CROP * tf.cast(tf.minimum(height, width), tf.float32)), tf.int32)
    return tf.stack([(height - side) // 2, (width - side) // 2, side, side])


def part(shape, key, area, ratio):
    """A random part: uniform share of the area, log-uniform ratio of width to height.

    Of ten attempts the first that fits into the image; else the central part whose ratio is the
    nearest to the image's own. (TensorFlow's `sample_distorted_bounding_box` prefers small parts:
    it draws the height uniformly.)

    Reference:
        C. Szegedy et al., Going Deeper with Convolutions, 2015, section 6.
    """
    height, width = (tf.cast(side, tf.float32) for side in (shape[0], shape[1]))
    draws = tf.random.stateless_uniform((ATTEMPTS + 1, 2), key)
    areas = (area[0] + draws[:ATTEMPTS, 0] * (area[1] - area[0])) * height * width
    low, high = math.log(ratio[0]), math.log(ratio[1])
    ratios = tf.exp(low + draws[:ATTEMPTS, 1] * (high - low))
    nearest = tf.clip_by_value(width / height, ratio[0], ratio[1])
    # The last resort comes last, so that something always fits.
    heights = tf.concat([tf.sqrt(areas / ratios), [tf.minimum(height, width / nearest)]], 0)
    widths = tf.concat([tf.sqrt(areas * ratios), [tf.minimum(width, height * nearest)]], 0)
    heights, widths = (tf.maximum(tf.round(sides), 1) for sides in (heights, widths))
    first = tf.argmax((heights <= height) & (widths <= width))
    place = tf.where(first < ATTEMPTS, draws[ATTEMPTS], 0.5)
    sides = tf.stack([heights[first], widths[first]])
    begin = tf.floor(place * (tf.stack([height, width]) - sides + 1))
    return tf.cast(tf.concat([begin, sides], 0), tf.int32)


def cut(image, window):
    """The pixels of a window."""
    top, left, height, width = tf.unstack(window)
    return image[top : top + height, left : left + width]


def resize(image, size):
    """`(size, size, 3)` uint8, bilinear; with antialiasing, as Pillow resizes."""
    image = tf.image.resize(image, (size, size), antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)


def fast_resize(image, size):
    """The same for training, cheaper: every pixel counts, if not by Pillow's weights.

    Bilinear interpolation reads two pixels of each direction, so that up to a factor of two none is
    left out; beyond it, means of areas.
    """
    shrinks = tf.reduce_min(tf.shape(image)[:2]) > 2 * size
    image = tf.cond(
        shrinks,
        lambda: tf.image.resize(image, (size, size), method="area"),
        lambda: tf.image.resize(image, (size, size)),
    )
    return tf.ensure_shape(tf.cast(image + 0.5, tf.uint8), (size, size, 3))
