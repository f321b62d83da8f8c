"""The state of a run: where it stands, and its variables as arrays."""

import dataclasses

import keras
import numpy as np

RESUMES = ("auto", "never", "must")


@dataclasses.dataclass
class Position:
    """How far a run is.

    Attributes:
        step: Steps done since the start of the run.
        rows: Metrics of every epoch done.
        seconds: Time spent in training, over all restarts.
        best_step: Step of the best accuracy on held-out images, or what else it is judged by.
        frozen: Whether batch normalization has been frozen during the run.
        stopped: Whether a callback has ended the run before its last epoch.
    """

    step: int = 0
    rows: list = dataclasses.field(default_factory=list)
    seconds: float = 0.0
    best_step: int | None = None
    frozen: bool = False
    stopped: bool = False


class State:
    """Variables of a model that is being trained, and of the callbacks that have some.

    These are weights, moving statistics, seeds of dropout, the optimizer's variables (its step and
    the loss scale included), the metrics of the epoch so far, and the `variables` of the callbacks.
    The images are a function of seed and step, so that the state need not hold them.

    Args:
        model: A compiled model.
        callbacks: Those of the run, always in the same order.
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


def find_start(checkpoints, identity, resume):
    """Finds where a run starts: at its newest checkpoint, or at the beginning.

    Args:
        checkpoints: `Checkpoints` of the run.
        identity: Its `Identity`.
        resume: `"auto"`: at the newest checkpoint if there is one; `"must"`: an error without one;
            `"never"`: at the beginning.

    Returns:
        The `Position`, and the arrays of the checkpoint (or `None`).

    Raises:
        ValueError: If `resume` is `"must"` and there is no checkpoint, none can be read, or the
            newest is of another run.
    """
    if resume not in RESUMES:
        raise ValueError(f"Argument `resume` must be one of {RESUMES}. Received: {resume!r}")
    saved = None if resume == "never" else checkpoints.newest()
    if saved is None:
        if resume == "must":
            raise ValueError(
                f"There is no checkpoint in {checkpoints.folder} to go on from. "
                "`resume='auto'` starts anew then."
            )
        return Position(), None
    facts, arrays = saved
    run = facts.pop("run")
    identity.check(run, checkpoints.folder)
    _check_not_stopped(facts, run, identity, checkpoints.folder)
    for number, row in enumerate(facts["rows"], 1):
        row["epoch"] = number  # earlier versions counted from 0
    return Position(**facts), arrays


def _check_not_stopped(facts, run, identity, folder):
    """Raises a `ValueError` for more epochs of a run that has been stopped early."""
    was, is_ = (of["recipe"]["epochs"] for of in (run, identity.description))
    if facts.get("stopped") and was != is_:
        raise ValueError(
            f"{folder.parent} is a run of {was} epochs that a callback or `patience` has stopped "
            f"after {len(facts['rows'])}. More epochs, received {is_}, do not change that. Go on "
            f"from its result in another folder, by weights={folder.parent}/model.keras."
        )
