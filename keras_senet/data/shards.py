"""What one worker of several takes of a batch, and how a smaller last batch gets the full size."""

import numpy as np


def shard_size(batch_size, shard):
    """Images that a shard delivers of each batch.

    Args:
        batch_size: Images in a batch of all shards together.
        shard: `(index, count)`: the shard's number, from 0, and how many there are.

    Raises:
        ValueError: If the shard is none of `count`, or `count` does not divide the batch.
    """
    index, count = shard
    if not 0 <= index < count or batch_size < 1 or batch_size % count:
        raise ValueError(
            "Expected shard (index, count) with 0 <= index < count, and a positive batch size that "
            f"count divides. Received: shard={shard}, batch_size={batch_size}"
        )
    return batch_size // count


def shard_positions(count, batch_size, shard):
    """The positions in `range(count)` that a shard takes: its slice of every batch, `(N,)`."""
    positions = np.arange(count)
    return positions[positions % batch_size // shard_size(batch_size, shard) == shard[0]]


def padded(array, size):
    """An array with zeros behind its first axis, which gets the length `size`.

    A network whose batches all have one size is compiled once.

    Args:
        array: `(N, ...)` with N up to `size`; a NumPy array, or a TensorFlow tensor in a graph.
        size: Length of the first axis.

    Returns:
        `(size, ...)`, of the same type.
    """
    if isinstance(array, np.ndarray):
        return np.pad(array, [(0, size - len(array)), *[(0, 0)] * (array.ndim - 1)])
    import tensorflow as tf

    missing = size - tf.shape(array)[0]
    array = tf.pad(array, [(0, missing), *[(0, 0)] * (len(array.shape) - 1)])
    return tf.ensure_shape(array, (size, *array.shape[1:]))
