"""Logs for TensorBoard."""

import pathlib

import keras


def tensorboard(workdir):
    """Keras' TensorBoard callback, which writes to `workdir/tensorboard`.

    It logs once an epoch, learning rate included, but makes every step wait for its results.

    Args:
        workdir: Folder of the run: `tensorboard --logdir=workdir` shows it.

    Raises:
        ImportError: If TensorBoard is not installed.
    """
    try:
        import tensorboard  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "These logs need TensorBoard: pip install 'keras-senet[tensorboard]'"
        ) from error
    # No graph: tracing it takes long, and the model is in `model.keras`.
    return keras.callbacks.TensorBoard(pathlib.Path(workdir) / "tensorboard", write_graph=False)
