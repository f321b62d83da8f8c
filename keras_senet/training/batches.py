"""What `model.fit` gets: batches with targets, on each process its own part."""

import math

import keras

from keras_senet.data.shards import padded, shard_size


def training_batches(dataset, recipe, seed, *, step=0, shard=(0, 1)):
    """Endless batches that begin with a step.

    Args:
        dataset: A `keras_senet.data.Dataset`.
        recipe: A `Recipe`; with accumulation a step is one part of its batch.
        seed: Seed of order and augmentation.
        step: Steps done.
        shard: Index of this process and the number of processes.

    Returns:
        A `tf.data.Dataset` of images `(B, S, S, 3)` uint8 and targets `(B, K)`.
    """
    batches = dataset.train(
        recipe.part_size,
        seed,
        step=step,
        shard=shard,
        sampling=recipe.sampling,
        augmentation=recipe.augmentation,
    )
    return batches.map(_with_targets(len(dataset.class_names)))


def validation_batches(dataset, batch_size, shard=(0, 1)):
    """The held-out images in full batches, the last one padded with images of weight 0.

    One shape means one compilation, and processes that take part in the same number of steps.
    Weights make the mean over padded batches, which is what Keras computes, the mean over images.

    Args:
        dataset: A `keras_senet.data.Dataset`.
        batch_size: Images in a batch of all processes together.
        shard: Index of this process and the number of processes.

    Returns:
        A `tf.data.Dataset` of images, targets `(B, K)` and weights `(B,)`, and its length.
    """
    import tensorflow as tf

    steps = math.ceil(len(dataset.held_out) / batch_size)
    weight = steps * batch_size / len(dataset.held_out)
    size = shard_size(batch_size, shard)
    with_targets = _with_targets(len(dataset.class_names))

    def pad(images, labels):
        images, targets = with_targets(images, labels)
        weights = tf.fill((tf.shape(images)[0],), weight)
        return tuple(padded(array, size) for array in (images, targets, weights))

    batches = dataset.validation(batch_size, shard=shard).map(pad)
    # A process whose part is shorter goes on with padding alone.
    padding = tf.data.Dataset.from_tensors(
        tuple(tf.zeros(spec.shape, spec.dtype) for spec in batches.element_spec)
    )
    return batches.concatenate(padding.repeat()).take(steps), steps


class ExactLoss(keras.callbacks.Callback):
    """Makes `val_loss` the mean over the held-out images that can be read.

    How many cannot is known only after they were met; `validation_batches` weights the others as if
    there were none. Callbacks behind this one see the right value.

    Args:
        dataset: The `keras_senet.data.Dataset` that is judged by.
    """

    def __init__(self, dataset):
        super().__init__()
        self.dataset = dataset

    def on_epoch_end(self, epoch, logs=None):
        """Corrects the loss."""
        images, bad = (
            len(self.dataset.held_out),
            len(self.dataset.unreadable(self.dataset.held_out)),
        )
        if logs and "val_loss" in logs and 0 < bad < images:
            logs["val_loss"] *= images / (images - bad)


def _with_targets(classes):
    import tensorflow as tf

    def with_targets(images, labels):
        # Labels of mixed images are targets already.
        return images, labels if len(labels.shape) == 2 else tf.one_hot(labels, classes)

    return with_targets
