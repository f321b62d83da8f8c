"""Crops: which part of an image is delivered, and in what size, in evaluation and training.

A window is `(top, left, height, width)` in pixels, int32.
"""

import dataclasses
import math

import tensorflow as tf

from keras_senet.data.view import View

ATTEMPTS = 10
KERNELS = {"bilinear": ("triangle", 1), "bicubic": ("keyscubic", 2)}  # name, radius in pixels
# Pixels read around the filter's own: a JPEG file's colours are interpolated from neighbours too.
MARGIN = 4


@dataclasses.dataclass(frozen=True)
class Centre:
    """The crop of evaluation: reads only those pixels of an image that its `View` needs.

    Attributes:
        view: The `View`.
    """

    view: View
    # Exact: the pixels that Pillow decodes.
    dct_method = "INTEGER_ACCURATE"

    @property
    def sides(self):
        """Height and width of the delivered image."""
        return self.view.sides

    def window(self, shape, key=None):
        """The window to read of an image of this shape; `key` is not used."""
        return self._unless_kept(
            shape, lambda: tf.constant((0, 0, *self.sides)), lambda: self._window(shape)
        )

    def resize(self, part, window, shape):
        """The view `(h, w, 3)` uint8 of an image of which `part` is the window's pixels."""
        image = self._unless_kept(
            shape, lambda: tf.identity(part), lambda: self._resized(part, window, shape)
        )
        return tf.ensure_shape(image, (*self.sides, part.shape[-1]))

    def _unless_kept(self, shape, kept, otherwise):
        """What one of two functions makes of an image: the first if the view is the whole image.

        The arithmetic of windows takes three times as long as decoding an image of 32 pixels.
        """
        if self.view.placed(*self.sides) != (*self.sides, 0, 0):
            return otherwise()
        return tf.cond(tf.reduce_all(tf.equal(shape[:2], self.sides)), kept, otherwise)

    def _window(self, shape):
        old = tf.cast(tf.stack(shape[:2]), tf.float64)
        scale, begin = self._placed(shape)
        radius = KERNELS[self.view.interpolation][1] * tf.maximum(1 / scale, 1)
        first = begin / scale - radius
        last = (begin + tf.constant(self.sides, tf.float64)) / scale + radius
        first = tf.maximum(tf.floor(first) - MARGIN, 0)
        last = tf.minimum(tf.math.ceil(last) + MARGIN, old)
        return tf.cast(tf.concat([first, last - first], 0), tf.int32)

    def _resized(self, part, window, shape):
        kernel, _ = KERNELS[self.view.interpolation]
        scale, begin = self._placed(shape)
        shift = tf.cast(window[:2], tf.float64) * scale - begin
        image = tf.raw_ops.ScaleAndTranslate(
            images=part[None],
            size=self.sides,
            scale=tf.cast(scale, tf.float32),
            translation=tf.cast(shift, tf.float32),
            kernel_type=kernel,
            antialias=True,
        )[0]
        return tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)

    def _placed(self, shape):
        """Factor of each side, and the view's corner in the resized image, float64."""
        height, width = (tf.cast(side, tf.int64) for side in (shape[0], shape[1]))

        def maximum(least, side):
            return tf.maximum(tf.cast(least, tf.int64), side)

        tall, wide, top, left = self.view.placed(height, width, maximum)
        old, new, begin = (
            tf.cast(tf.stack(pair), tf.float64)
            for pair in ((height, width), (tall, wide), (top, left))
        )
        return new / old, begin


@dataclasses.dataclass(frozen=True)
class RandomPart:
    """A random part of the image, for training: see `part`.

    Attributes:
        area: Least and greatest share of the image's area.
        ratio: Least and greatest width divided by height.
        size: Height and width of the delivered image.
    """

    area: tuple[float, float]
    ratio: tuple[float, float]
    size: int
    dct_method = ""  # whatever is fast

    @property
    def sides(self):
        """Height and width of the delivered image."""
        return self.size, self.size

    def window(self, shape, key):
        """The random window of this key in an image of this shape."""
        return part(shape, key, self.area, self.ratio)

    def resize(self, part, window, shape):
        """`(size, size, 3)` uint8."""
        return fast_resize(part, self.size)


def part(shape, key, area, ratio):
    """A random part: uniform share of the area, log-uniform ratio of width to height.

    The first of ten attempts that fits into the image; if none does, the central part whose ratio
    is the nearest to the image's own. (TensorFlow's `sample_distorted_bounding_box` prefers small
    parts: it draws the height uniformly.)

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


def fast_resize(image, size):
    """`(size, size, 3)` uint8 by a fast filter that still reads every pixel; not Pillow's.

    Bilinear interpolation reads two pixels in each direction, and so skips none up to a factor of
    two. Beyond that the filter averages areas.
    """
    shrinks = tf.reduce_min(tf.shape(image)[:2]) > 2 * size
    image = tf.cond(
        shrinks,
        lambda: tf.image.resize(image, (size, size), method="area"),
        lambda: tf.image.resize(image, (size, size)),
    )
    return tf.ensure_shape(tf.cast(image + 0.5, tf.uint8), (size, size, 3))
