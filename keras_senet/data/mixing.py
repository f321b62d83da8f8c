"""Mixup and CutMix of neighbours in a batch, stateless.

Images 2k and 2k + 1 of the stream are mixed with each other: the order is random already, and both
are in the same shard. Each pair draws its own share.
"""

import tensorflow as tf


def mix(images, labels, classes, augmentation, seed, first_pair):
    """Mixes the pairs of a batch.

    Args:
        images: `(B, S, S, 3)` uint8, B even.
        labels: `(B,)` class indices, or `(B, K)` of 0 and 1.
        classes: Number of classes K.
        augmentation: An `Augmentation` with mixup, CutMix or both.
        seed: Any integer.
        first_pair: Number of the batch's first pair in the stream, a scalar int64.

    Returns:
        Images `(B, S, S, 3)` uint8 and labels `(B, K)` float32, the shares of the classes.
    """
    batch = images.shape[0]
    pairs = first_pair + tf.range(batch // 2, dtype=tf.int64)

    def weights(pair):
        key = tf.random.experimental.stateless_fold_in(
            tf.stack([tf.constant(seed, tf.int64), pair]), 100
        )
        return _weights(key, images.shape[1], augmentation)

    # The share of each pixel's own image, (B, S, S, 1), the same for both images of a pair.
    own = tf.map_fn(weights, pairs, fn_output_signature=tf.float32)
    share = tf.repeat(tf.reduce_mean(own, axis=(1, 2)), 2, axis=0)
    partner = tf.reshape(tf.stack([tf.range(1, batch, 2), tf.range(0, batch, 2)], 1), [-1])
    hot = tf.one_hot(labels, classes) if labels.shape.rank == 1 else tf.cast(labels, tf.float32)
    targets = share * hot + (1 - share) * tf.gather(hot, partner)
    mixed = tf.ensure_shape(_mixed(images, own), images.shape)
    return mixed, tf.ensure_shape(targets, (batch, classes))


@tf.function(jit_compile=True)
def _mixed(images, own):
    """The images, of which each pixel has its own share `(B / 2, S, S, 1)`."""
    pairs = tf.reshape(tf.cast(images, tf.float32), (-1, 2, *images.shape[1:]))
    mixed = own[:, None] * pairs + (1 - own[:, None]) * pairs[:, ::-1]
    return tf.cast(tf.round(tf.reshape(mixed, images.shape)), tf.uint8)


def _weights(key, size, augmentation):
    """`(S, S, 1)`: constant for mixup, 0 inside a rectangle and 1 outside of it for CutMix."""
    draws = tf.random.stateless_uniform((3,), key)
    if augmentation.mixup and augmentation.cutmix:
        return tf.cond(
            draws[0] < 0.5,
            lambda: _mixup(key, size, augmentation.mixup),
            lambda: _cutmix(key, size, augmentation.cutmix, draws[1:]),
        )
    if augmentation.mixup:
        return _mixup(key, size, augmentation.mixup)
    return _cutmix(key, size, augmentation.cutmix, draws[1:])


def _mixup(key, size, alpha):
    return tf.fill((size, size, 1), beta(key, alpha))


def _cutmix(key, size, alpha, centre):
    """A rectangle of share 1 - lambda about a uniform centre, cut off at the edges."""
    half = tf.sqrt(1 - beta(key, alpha)) * size / 2
    middle = centre * size
    begin, end = tf.round(middle - half), tf.round(middle + half)
    line = tf.range(size, dtype=tf.float32)
    rows, columns = ((line >= begin[i]) & (line < end[i]) for i in range(2))
    return tf.cast(~(rows[:, None] & columns[None, :]), tf.float32)[..., None]


def beta(key, alpha):
    """A draw of Beta(alpha, alpha), from two of the Gamma distribution."""
    # In float64: small alphas draw numbers below float32's least.
    first, second = tf.unstack(
        tf.random.stateless_gamma((2,), key, tf.constant(alpha, tf.float64), dtype=tf.float64)
    )
    return tf.cast(first / (first + second), tf.float32)
