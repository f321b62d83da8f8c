"""Batches for `model.fit`: images with targets, of which each process gets its shard."""

import math

import keras

from keras_senet.data.shards import padded, shard_size


def training_batches(dataset, recipe, seed, *, step=0, shard=(0, 1)):
    """Endless batches of augmented training images, beginning at any step.

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
        repeats=recipe.repeats,
    )
    return batches.map(_with_targets(len(dataset.class_names)))


def validation_batches(dataset, batch_size, shard=(0, 1)):
    """The held-out images in full batches, the last one padded with images of weight 0.

    All batches have one shape, so that the model is compiled once, and all processes take the same
    number of steps. Keras divides the weighted sum of a batch's losses by its size B, padding
    included, and averages the batches. The sample weights rescale this mean to the mean over the N
    real images: in S batches each real image has the weight S B / N, and padding has 0.

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
    # A process whose shard ends earlier continues with padding alone.
    padding = tf.data.Dataset.from_tensors(
        tuple(tf.zeros(spec.shape, spec.dtype) for spec in batches.element_spec)
    )
    return batches.concatenate(padding.repeat()).take(steps), steps


class ExactLoss(keras.callbacks.Callback):
    """Corrects `val_loss` to the mean over the held-out images that can be read.

    The sample weights of `validation_batches` assume that all can, since the number of unreadable
    ones is known only after the first pass. Put this callback before those that read `val_loss`.

    Args:
        dataset: The `keras_senet.data.Dataset` of the validation.
    """

    def __init__(self, dataset):
        super().__init__()
        self.dataset = dataset

    def on_epoch_end(self, epoch, logs=None):
        """Rescales the loss by the share of images that were read."""
        images, bad = (
            len(self.dataset.held_out),
            len(self.dataset.unreadable(self.dataset.held_out)),
        )
        for name in ("val_loss", "val_raw_loss"):
            if logs and name in logs and 0 < bad < images:
                logs[name] *= images / (images - bad)


def _with_targets(classes):
    import tensorflow as tf

    def with_targets(images, labels):
        # Mixup and CutMix deliver targets already, and so do images with any number of labels.
        hot = len(labels.shape) == 2
        return images, tf.cast(labels, tf.float32) if hot else tf.one_hot(labels, classes)

    return with_targets
