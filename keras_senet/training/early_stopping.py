"""Early stopping, judged by the epochs that a checkpoint keeps."""

import keras


class EarlyStopping(keras.callbacks.Callback):
    """Stops a run whose accuracy on held-out images has not risen for some epochs.

    Keras' own callback counts in its memory, and so begins anew when a run is resumed.

    Args:
        position: The `Position` of the run, with the metrics of the epochs done.
        patience: Epochs without a better accuracy.
    """

    def __init__(self, position, patience):
        super().__init__()
        self.position = position
        self.patience = patience

    def on_epoch_end(self, epoch, logs=None):
        """Compares the accuracies of this epoch and of those before it."""
        assert logs is not None, "model.fit passes the metrics"
        accuracies = [row["val_accuracy"] for row in self.position.rows] + [logs["val_accuracy"]]
        if len(accuracies) - 1 - accuracies.index(max(accuracies)) >= self.patience:
            self.model.stop_training = True
