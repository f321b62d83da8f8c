"""The state of a run as arrays: all that the next step depends on, besides the step's number."""

import keras
import numpy as np


class State:
    """Variables of a model that is being trained, and of the callbacks that have some.

    These are weights, statistics of normalization, seeds of dropout, the optimizer's variables
    (its step and the loss scale included), the metrics of the epoch so far, and the `variables`
    of the callbacks. The images are a function of seed and step: nothing of them is here.

    Args:
        model: A compiled model.
        callbacks: Those of the run, in order.
    """

    def __init__(self, model, callbacks=()):
        self.model = model
        self.callbacks = callbacks

    def arrays(self):
        """Copies of all values, in arrays named `group/number`."""
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        return {
            f"{group}/{number}": np.array(keras.ops.convert_to_numpy(keras.ops.copy(variable)))
            for group, variables in self._groups().items()
            for number, variable in enumerate(variables)
        }

    def restore(self, arrays, *, only=None):
        """Assigns the values of `arrays`.

        Args:
            arrays: What `arrays` of the same run returned.
            only: `"metrics"` for the metrics alone; by default everything else.

        Raises:
            ValueError: If a variable is missing or has another shape or type.
        """
        for group, variables in self._groups().items():
            if (group == "metrics") != (only == "metrics"):
                continue
            saved = [name for name in arrays if name.startswith(f"{group}/")]
            if len(saved) != len(variables):
                raise ValueError(
                    f"The checkpoint has {len(saved)} variables of {group}, the run has "
                    f"{len(variables)}."
                )
            for number, variable in enumerate(variables):
                self._assign(variable, arrays[f"{group}/{number}"])

    def _assign(self, variable, array):
        if tuple(variable.shape) != array.shape or variable.dtype != array.dtype.name:
            raise ValueError(
                f"The checkpoint has {array.dtype.name} {array.shape} for {variable.path}, the "
                f"run has {variable.dtype} {tuple(variable.shape)}."
            )
        variable.assign(array)

    def _groups(self):
        return {
            "model": self.model.variables,
            "optimizer": self.model.optimizer.variables,
            "metrics": self.model.metrics_variables,
            "callbacks": [
                variable
                for callback in self.callbacks
                for variable in getattr(callback, "variables", ())
            ],
        }
