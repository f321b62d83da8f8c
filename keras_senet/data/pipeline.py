"""From positions of a stream to batches of uint8 images and labels."""

import itertools

import numpy as np
import tensorflow as tf

from keras_senet.data import crops, transforms
from keras_senet.data.mixing import mix
from keras_senet.data.order import order

PREFETCH = 4  # batches: enough to hide a slow one, few enough to leave memory alone


def training(dataset, batch_size, seed, step, shard, sampling, augmentation):
    """`Dataset.train`: see there."""
    index, count = shard
    local = _local_size(batch_size, shard)
    if augmentation.mixes and local % 2:
        raise ValueError(
            f"Mixup and CutMix mix neighbours of a batch. Expected an even batch. Received: {local}"
        )
    split, size = dataset.training, dataset.image_size
    place = order(sampling, split, seed)

    def position(number):  # of the stream that all shards share
        return (number // local * count + index) * local + number % local

    window = _random_window(augmentation)
    load = _loader(dataset, split, place, window, crops.fast_resize)

    def example(number):
        at = position(number)
        key = tf.stack([tf.constant(seed, tf.int64), at])
        image, label = load(at, key)
        return transforms.augment(image, key, augmentation, size), label

    stream = tf.data.Dataset.range(step * local, np.iinfo(np.int64).max)
    stream = stream.map(example, num_parallel_calls=tf.data.AUTOTUNE)
    stream = stream.batch(local, drop_remainder=True)
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
    """Batches of the images at these positions of a split, as evaluation sees them."""
    load = _loader(
        dataset,
        split,
        lambda position: position % len(split),
        crops.centre,
        crops.resize,
    )
    stream = tf.data.Dataset.from_tensor_slices(np.asarray(positions, "int64"))
    stream = stream.map(
        lambda position: load(position, tf.zeros(2, tf.int64)),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    return stream.batch(batch_size).prefetch(PREFETCH)


def held_out_positions(count, batch_size, shard):
    """The positions of `range(count)` that a shard takes: its slice of every batch."""
    local = _local_size(batch_size, shard)
    positions = np.arange(count)
    return positions[positions % batch_size // local == shard[0]]


def _local_size(batch_size, shard):
    index, count = shard
    if not 0 <= index < count or batch_size < 1 or batch_size % count:
        raise ValueError(
            "Expected shard (index, count) with 0 <= index < count, and a positive batch size that "
            f"count divides. Received: shard={shard}, batch_size={batch_size}"
        )
    return batch_size // count


def _random_window(augmentation):
    if augmentation.crop != "area":
        return crops.centre
    return lambda shape, key: crops.part(shape, key, augmentation.area, augmentation.ratio)


def _loader(dataset, split, place, window, resize):
    """A function from position and key to an image `(S, S, 3)` uint8 and its label."""
    read, size = split.reader(), dataset.image_size
    if split.holds_pixels:

        def pixels(position, key):
            image, label = read(place(position))
            if window is not crops.centre:  # pixels have the size that evaluation sees
                image = resize(crops.cut(image, window(tf.shape(image), key)), size)
            return image, label

        return pixels

    def quick(position, key):
        """Decodes no more of an upright JPEG file than the window; fails for all else."""
        data, label = read(place(position))
        at = window(crops.jpeg_shape(data), key)
        return resize(tf.image.decode_and_crop_jpeg(data, at, channels=3), size), label

    def whole(position, key):
        """Any image; if unreadable, the next readable one of the order."""
        image, label = tf.numpy_function(read_whole, [position], (tf.uint8, tf.int32))
        image.set_shape((None, None, 3))
        label.set_shape(())
        return resize(crops.cut(image, window(tf.shape(image), key)), size), label

    def read_whole(position):
        following = itertools.count(position)
        candidates = (int(place(tf.constant(at))) for at in following)
        image, label = dataset.bad_images.read(split, itertools.islice(candidates, len(split)))
        return np.ascontiguousarray(image), np.int32(label)

    def load(position, key):
        # The only way to catch an error within a tf.data function.
        element = tf.data.Dataset.from_tensors((position, key))
        tried = element.map(quick).ignore_errors()
        return tried.concatenate(element.map(whole)).take(1).get_single_element()

    return load
