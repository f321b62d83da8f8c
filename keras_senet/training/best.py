"""The model of a run as it was in its best epoch."""

import warnings

from keras import ops

from keras_senet.training.checkpoints import Damaged, read_checkpoint
from keras_senet.training.model_file import write_model


def write_best(run, path):
    """Writes the model with the weights of the best epoch, from their checkpoint.

    With a moving average these are the averages, which are what was judged. The model of the run
    keeps its weights.

    Args:
        run: A `Run` that has ended.
        path: The `.keras` file to write.
    """
    try:
        _, arrays = read_checkpoint(run.checkpoints.path(run.position.best_step))
    except (OSError, Damaged) as error:
        warnings.warn(f"{path} could not be written: {error}", stacklevel=2)
        return
    final = [ops.convert_to_numpy(ops.copy(variable)) for variable in run.model.variables]
    best = [arrays[f"model/{number}"] for number in range(len(final))]
    try:
        _assign(run.model.variables, best)
        if run.average:  # the first of the callbacks with variables
            averages = [arrays[f"callbacks/{n}"] for n in range(len(run.model.weights))]
            _assign(run.model.weights, averages)
        write_model(run.model, path)
    finally:
        _assign(run.model.variables, final)


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
