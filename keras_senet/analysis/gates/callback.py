"""Gate statistics in TensorBoard while a network trains."""

import os

import keras

from keras_senet.analysis.gates.excitation import excitations
from keras_senet.analysis.image_batches import Data, check_one_class
from keras_senet.surgery.rewrite import check_call


class GateLogger(keras.callbacks.Callback):
    """Writes the gates of every SE block to TensorBoard after each epoch.

    Scalars `gates/BLOCK/mean`, `std` (over images, mean of the channels), `divergence`, `saturated`
    and `constant`, and a histogram of the channels' mean gates. They are collected at the end of
    an epoch, when the weights hold all of its steps on every backend.

    Args:
        log_dir: Folder of the event files, TensorBoard's `--logdir`.
        images: Images to look at and their labels, as `excitations` takes them; a few hundred
            are enough.
        every: Epochs between two looks.
        batch_size: Images at a time.

    Example:
        >>> digits = keras_senet.data.load("digits")
        >>> model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))()
        >>> model.compile("sgd", "sparse_categorical_crossentropy")
        >>> logger = GateLogger("runs/digits/logs", digits.held_out_arrays(64))
        >>> batches = digits.train(64)
        >>> history = model.fit(batches, steps_per_epoch=1, verbose=0, callbacks=[logger])
    """

    def __init__(
        self, log_dir: str | os.PathLike, images: Data, every: int = 1, batch_size: int = 32
    ):
        super().__init__()
        if every < 1:
            raise ValueError(f"Argument `every` must be at least 1 epoch. Received: {every}")
        check_one_class(images)  # not only after the first epoch
        self.log_dir, self.images, self.every, self.batch_size = log_dir, images, every, batch_size
        self.writer = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Opens the event file.

        Raises:
            TypeError: If the model is not functional, or has a `call` of its own.
        """
        check_call(self.model)
        import tensorflow as tf

        self.writer = tf.summary.create_file_writer(str(self.log_dir))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Looks at the gates."""
        if (epoch + 1) % self.every:
            return
        import tensorflow as tf

        assert self.writer is not None, "fit calls on_train_begin first"
        found = excitations(self.model, self.images, batch_size=self.batch_size)
        with self.writer.as_default(step=epoch):
            for block in found.blocks:
                name = f"gates/{block.name}"
                tf.summary.scalar(f"{name}/mean", block.mean.mean())
                tf.summary.scalar(f"{name}/std", block.std.mean())
                tf.summary.scalar(f"{name}/divergence", block.divergence)
                tf.summary.scalar(f"{name}/saturated", sum(block.saturated))
                tf.summary.scalar(f"{name}/constant", block.constant().mean())
                tf.summary.histogram(f"{name}/means", block.mean)
        self.writer.flush()

    def on_train_end(self, logs: dict | None = None) -> None:
        """Closes the event file."""
        if self.writer is not None:
            self.writer.close()
            self.writer = None
