"""Early stopping, judged by the epochs that a checkpoint keeps."""

import keras


class EarlyStopping(keras.callbacks.Callback):
    """Stops a run whose accuracy, or what it is judged by, has not risen for some epochs.

    Keras' own callback counts in its memory, and so begins anew when a run is resumed.

    Args:
        position: The `Position` of the run, with the metrics of the epochs done.
        patience: Epochs without a better figure.
        judged: Name of the figure, see `judged_by`.
    """

    def __init__(self, position, patience, judged="accuracy"):
        super().__init__()
        self.position = position
        self.patience = patience
        self.judged = f"val_{judged}"

    def on_epoch_end(self, epoch, logs=None):
        """Compares the figures of this epoch and of those before it."""
        assert logs is not None, "model.fit passes the metrics"
        figures = [row[self.judged] for row in self.position.rows] + [logs[self.judged]]
        if len(figures) - 1 - figures.index(max(figures)) >= self.patience:
            self.model.stop_training = True
