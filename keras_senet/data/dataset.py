"""A data set: two splits, and the batches drawn from them."""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_senet.data import images


@dataclasses.dataclass(frozen=True)
class Split:
    """Images and their labels.

    Attributes:
        items: `(N, H, W, 3)` uint8 pixels, or `(N,)` paths of image files.
        labels: `(N,)` class indices, int32.
    """

    items: np.ndarray
    labels: np.ndarray

    def __len__(self):
        return len(self.labels)


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Images to train on and images held out.

    Attributes:
        name: What the source is called.
        class_names: Name of every class, in the order of the labels.
        image_size: Height and width S of the images delivered, in pixels.
        training: The images to learn from.
        held_out: The images to judge by.
        augmentation: `"shift"` (4 pixels of padding and a random crop) or `"photo"` (a random
            crop of 8 to 100 % of the area, and a flip).
    """

    name: str
    class_names: tuple[str, ...]
    image_size: int
    training: Split
    held_out: Split
    augmentation: str

    def train(self, batch_size, seed=0, *, step=0, shard=(0, 1), sampling="uniform"):
        """Endless augmented batches; every image once in each pass over the split.

        Order and augmentation are a pure function of the seed and of the position in the stream.

        Args:
            batch_size: Images in a batch of all shards together, B.
            seed: Any integer.
            step: Step to begin with.
            shard: Index of this shard and their number; a shard has its slice of every batch.
            sampling: `"uniform"`.

        Returns:
            A `tf.data.Dataset` of images `(B, S, S, 3)` uint8 and labels `(B,)`.
        """
        if sampling != "uniform":
            raise ValueError(f"Argument `sampling` must be 'uniform'. Received: {sampling!r}")
        part = batch_size // shard[1]
        items, labels = map(tf.constant, (self.training.items, self.training.labels))
        count = len(self.training)
        augment = {"shift": images.shift, "photo": images.random_crop}[self.augmentation]

        def example(position):
            epoch, index = position // count, position % count
            # A stateless permutation: the order of an epoch without a shuffle buffer.
            index = tf.random.experimental.index_shuffle(
                index, seed=tf.stack([tf.cast(seed, tf.int64), epoch]), max_index=count - 1
            )
            image = augment(items[index], self.image_size, tf.stack([seed, position]))
            return image, labels[index]

        stream = tf.data.Dataset.range(step * part, np.iinfo(np.int64).max)
        stream = stream.map(lambda i: i // part * batch_size + shard[0] * part + i % part)
        stream = stream.map(example, num_parallel_calls=tf.data.AUTOTUNE)
        return stream.batch(part, drop_remainder=True).prefetch(4)

    def validation(self, batch_size, shard=(0, 1)):
        """Batches of the held-out images, in order, each image once.

        Returns:
            A `tf.data.Dataset` of images `(B, S, S, 3)` uint8 and labels `(B,)`.
        """
        index, count = shard
        split = Split(self.held_out.items[index::count], self.held_out.labels[index::count])
        return self._plain(split).batch(batch_size // count).prefetch(4)

    def held_out_arrays(self, limit=None):
        """Held-out images `(N, S, S, 3)` uint8 and labels `(N,)`, the first `limit` of them."""
        return _arrays(self._plain(self.held_out), limit)

    def calibration_images(self, count):
        """`count` training images `(count, S, S, 3)` uint8, evenly spaced over the split."""
        chosen = np.linspace(0, len(self.training) - 1, min(count, len(self.training))).astype(int)
        split = Split(self.training.items[chosen], self.training.labels[chosen])
        return _arrays(self._plain(split), None)[0]

    def _plain(self, split):
        pairs = tf.data.Dataset.from_tensor_slices((split.items, split.labels))
        return pairs.map(
            lambda item, label: (images.centre(item, self.image_size), label),
            num_parallel_calls=tf.data.AUTOTUNE,
        )


def _arrays(pairs, limit):
    pairs = pairs if limit is None else pairs.take(limit)
    return tuple(np.stack(column) for column in zip(*pairs.as_numpy_iterator(), strict=True))
