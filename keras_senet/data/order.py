"""Which image is at a position of the endless training stream.

An order is a function from a position (scalar int64) to an index of the split. It keeps no state,
so that a stream can begin anywhere: `index_shuffle` computes one element of a permutation.
"""

import numpy as np
import tensorflow as tf

GROUP = 7  # images that come in turn, as often as they are repeated
IMAGES = 1 << 31  # sets the shuffles of images apart from those of classes


def order(sampling, split, seed):
    """The order of one kind of sampling.

    Args:
        sampling: `"uniform"` or `"class_balanced"`.
        split: A `Split`.
        seed: Any integer.

    Returns:
        A function from position to index.
    """
    if sampling == "uniform":
        return uniform(len(split), seed)
    if sampling == "class_balanced":
        if split.multi_label:
            raise ValueError(
                "Sampling 'class_balanced' draws one class after the other, and these images have "
                "any number of labels. Expected sampling 'uniform'; class_weights='balanced' makes "
                "rare labels count more."
            )
        return class_balanced(split.labels, seed)
    raise ValueError(
        f"Argument `sampling` must be 'uniform' or 'class_balanced'. Received: {sampling!r}"
    )


def repeated(order, times):
    """An order in which each image comes so many times, among few others.

    Seven images of the order come in turn, then the next seven. Repetitions are thus in one batch,
    but are no neighbours, which mixup and CutMix would mix with each other.

    Args:
        order: A function from position to index.
        times: How often each image comes.
    """
    if times == 1:
        return order

    def index(position):
        group, place = position // (GROUP * times), position % (GROUP * times)
        return order(group * GROUP + place % GROUP)

    return index


def uniform(count, seed):
    """Every image once in each pass; each pass is shuffled anew."""

    def index(position):
        return _permuted(position % count, seed, position // count, count)

    return index


def class_balanced(labels, seed):
    """Classes in turn, and of each class its images in turn.

    The list of classes, and each class's list of images, is shuffled anew when it is exhausted.

    Reference:
        L. Shen, Z. Lin, Q. Huang, Relay Backpropagation for Effective Learning of Deep
        Convolutional Neural Networks, 2016, section 3.3 (class-aware sampling).
    """
    by_class = tf.constant(np.argsort(labels, kind="stable"))
    sizes = np.bincount(labels).astype("int64")
    if not sizes.all():
        raise ValueError(
            "Sampling 'class_balanced' needs an image of every class. Received none of class "
            f"{int(np.argmin(sizes))}."
        )
    starts = tf.constant(np.cumsum(sizes) - sizes)
    classes, sizes = len(sizes), tf.constant(sizes)

    def index(position):
        turn = position // classes  # passes over the classes, so draws of each class
        label = _permuted(position % classes, seed, turn, classes)
        size = sizes[label]
        pass_of_class = turn // size * classes + label  # a number for each pass of each class
        image = _permuted(turn % size, seed ^ IMAGES, pass_of_class, size)
        return by_class[starts[label] + image]

    return index


def _permuted(index, seed, number, count):
    """Element `index` of permutation `number` of `range(count)`."""
    return tf.random.experimental.index_shuffle(
        index, seed=tf.stack([tf.constant(seed, tf.int64), number]), max_index=count - 1
    )
