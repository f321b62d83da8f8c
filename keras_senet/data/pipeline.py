"""From positions of a stream to batches of uint8 images and labels."""

import itertools

import keras
import numpy as np
import tensorflow as tf

from keras_senet.data import crops, jpeg, transforms
from keras_senet.data.decode import read_rgb
from keras_senet.data.mixing import mix
from keras_senet.data.order import order, repeated
from keras_senet.data.png import is_plain_png
from keras_senet.data.shards import shard_size

if keras.backend.backend() == "jax" and tf.config.list_physical_devices("GPU"):
    tf.config.set_visible_devices([], "GPU")  # they are JAX's; TensorFlow would fill their memory

PREFETCH = 4  # batches: enough to hide a slow one, few enough to leave memory alone
UNREADABLE = np.zeros((1, 1, 3), "uint8")  # in place of an image that cannot be read
CHUNK = 32  # images read by one thread: enough to share the cost of a guard, few enough for memory


def training(dataset, batch_size, seed, step, shard, sampling, augmentation, repeats):
    """`Dataset.train`: see there."""
    index, count = shard
    local = shard_size(batch_size, shard)
    if augmentation.mixes and local % 2:
        raise ValueError(
            f"Mixup and CutMix mix neighbours of a batch. Expected an even batch. Received: {local}"
        )
    split, size = dataset.training, dataset.image_size
    place = repeated(order(sampling, split, seed), repeats)
    crop = _training_crop(dataset, augmentation)
    chunk = max(size for size in range(1, CHUNK + 1) if local % size == 0)
    chunks = local // chunk  # in a batch

    def positions(number):  # in the stream that all shards share
        batch, part = number // chunks, number % chunks
        return (batch * count + index) * local + part * chunk + tf.range(chunk, dtype=tf.int64)

    def example(load, position):
        key = tf.stack([tf.constant(seed, tf.int64), position])
        image, label, readable = load(position, key)
        return transforms.augment(image, key, augmentation, size), label, readable

    stream = tf.data.Dataset.range(step * chunks, np.iinfo(np.int64).max).map(positions)
    loaders = _loaders(dataset, split, place, crop, replace=True)
    stream = _read(stream, loaders, example, crop.sides, _label_shape(dataset))
    stream = stream.map(lambda images, labels, readable: (images, labels))
    stream = stream.rebatch(local, drop_remainder=True)
    if augmentation.mixes:
        classes = len(dataset.class_names)
        numbers = tf.data.Dataset.range(step, np.iinfo(np.int64).max)
        stream = tf.data.Dataset.zip(numbers, stream).map(
            lambda number, batch: mix(
                batch[0],
                batch[1],
                classes,
                augmentation,
                seed,
                (number * count + index) * local // 2,
            ),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
    return stream.prefetch(PREFETCH)


def plain(dataset, split, positions, batch_size):
    """Batches of the images at these positions of a split, as evaluation sees them.

    Those that cannot be read are left out.
    """

    def place(position):
        return position % len(split)

    def example(load, position):
        return load(position, tf.zeros(2, tf.int64))

    def left(images, labels, readable):
        return tf.cond(
            tf.reduce_all(readable),
            lambda: (images, labels),
            lambda: (images[readable], labels[readable]),
        )

    crop = crops.Centre(dataset.seen)
    stream = tf.data.Dataset.from_tensor_slices(np.asarray(positions, "int64"))
    stream = stream.batch(CHUNK)
    loaders = _loaders(dataset, split, place, crop, replace=False)
    stream = _read(stream, loaders, example, crop.sides, _label_shape(dataset)).map(left)
    stream = stream.filter(lambda *chunk: tf.size(chunk[1]) > 0)
    return stream.rebatch(batch_size).prefetch(PREFETCH)


def _label_shape(dataset):
    return (len(dataset.class_names),) if dataset.multi_label else ()


def _training_crop(dataset, augmentation):
    if augmentation.crop == "area":
        return crops.RandomPart(augmentation.area, augmentation.ratio, dataset.image_size)
    return crops.Centre(dataset.seen.replace(size=dataset.image_size))


def _read(positions, loaders, example, sides, label_shape):
    """Chunks of examples at chunks of positions.

    The quick loader reads a chunk, and if that fails, the sure one reads it again: guarding each
    image would cost a fifth of its decoding. The images of a chunk are read in a loop of the graph,
    which costs less than a function call for each.

    Args:
        positions: A `tf.data.Dataset` of `(N,)` int64.
        loaders: The pair of `_loaders`.
        example: A function from a loader and a position to an image, its label, and whether the
            image was read.
        sides: Height and width of the images.
        label_shape: Shape of one label.
    """
    signature = (
        tf.TensorSpec((*sides, 3), tf.uint8),
        tf.TensorSpec(label_shape, tf.int32),
        tf.TensorSpec((), tf.bool),
    )

    def read(chunk):
        def by(loader):
            return tf.data.Dataset.from_tensors(chunk).map(
                lambda chunk: tf.map_fn(
                    lambda position: example(loader, position),
                    chunk,
                    fn_output_signature=signature,
                )
            )

        return _first(*map(by, loaders))

    return positions.map(read, num_parallel_calls=tf.data.AUTOTUNE)


def _first(tried, resort):
    """The element of a `tf.data.Dataset`, or of another if the first raises an error.

    There is no other way to catch an error within a function of tf.data.
    """
    return tried.ignore_errors().concatenate(resort).take(1).get_single_element()


def _loaders(dataset, split, place, crop, replace):
    """The quick and the sure loader.

    Both are functions from position and key to the crop `(h, w, 3)` uint8 of an image, its label,
    and whether the image was read. At a broken file the quick one raises an error. The sure one
    delivers the next readable image in the training order instead if `replace`, else zeros that
    count as not read.
    """
    read = split.reader()
    if split.holds_pixels:

        def pixels(position, key):
            image, label = read(place(position))
            if isinstance(crop, crops.RandomPart):  # pixels have the size that evaluation sees
                window = crop.window(tf.shape(image), key)
                image = crop.resize(crops.cut(image, window), window, tf.shape(image))
            return image, label, True

        return pixels, pixels

    def windowed(image, key):
        image.set_shape((None, None, 3))
        shape = tf.shape(image)
        window = crop.window(shape, key)
        return crop.resize(crops.cut(image, window), window, shape)

    def quick(position, key):
        """Decodes the window alone of an upright JPEG file, other files whole.

        A broken file raises an error.
        """
        data, label = read(place(position))

        def part():
            shape = jpeg.jpeg_shape(data)
            window = crop.window(shape, key)
            pixels = tf.image.decode_and_crop_jpeg(
                data, window, channels=3, dct_method=crop.dct_method
            )
            return crop.resize(pixels, window, shape), label, True

        def whole():
            pixels = tf.cond(
                is_plain_png(data),
                lambda: tf.io.decode_png(data, channels=3),
                lambda: tf.numpy_function(read_rgb, [data], tf.uint8),
            )
            return windowed(pixels, key), label, True

        return tf.cond(jpeg.is_upright_jpeg(data), part, whole)

    def replaced(position, key):
        """The window of the image at a position, or of the one in its place."""
        image, label, readable = tf.numpy_function(
            read_or_replace, [position], (tf.uint8, tf.int32, tf.bool)
        )
        label.set_shape(_label_shape(dataset))
        readable.set_shape(())
        return windowed(image, key), label, readable

    def read_or_replace(position):
        following = itertools.count(position) if replace else [position]
        candidates = (int(place(tf.constant(at))) for at in following)
        found = dataset.bad_images.read(split, itertools.islice(candidates, len(split)))
        if found is None:
            if replace:
                dataset.bad_images.refuse(f"None of {len(split)} training images can be read.")
            return UNREADABLE, np.zeros(_label_shape(dataset), "int32"), False
        image, label = found
        return np.ascontiguousarray(image), np.asarray(label, "int32"), True

    def sure(position, key):
        """The result of `quick`, or of `replaced` where `quick` raises an error."""
        element = tf.data.Dataset.from_tensors((position, key))
        return _first(element.map(quick), element.map(replaced))

    return quick, sure
