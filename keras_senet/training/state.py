"""The state of a run: where it stands, its variables as arrays, and which run it is."""

import dataclasses
import hashlib
import json

import keras
import numpy as np

from keras_senet.architectures import Architecture
from keras_senet.data import Augmentation
from keras_senet.training.recipe import Recipe

RESUMES = ("auto", "never", "must")


@dataclasses.dataclass
class Position:
    """How far a run is.

    Attributes:
        step: Steps done since the start of the run.
        rows: Metrics of every epoch done.
        seconds: Time spent in training, over all restarts.
        best_step: Step of the best accuracy on held-out images.
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


def describe(architecture, dataset, recipe, weights, precision, seed):
    """The settings of a run, in JSON's types; a run is resumed only with the same settings."""
    labels = hashlib.sha256(b"".join(s.labels.tobytes() for s in dataset.splits.values()))
    description = {
        "architecture": dataclasses.asdict(architecture),
        "data": {
            "name": dataset.name,
            "class_names": dataset.class_names,
            "image_size": dataset.image_size,
            "view": dataclasses.asdict(dataset.seen),
            "training_images": len(dataset.training),
            "held_out_images": len(dataset.held_out),
            **({} if dataset.test is None else {"test_images": len(dataset.test)}),
            "labels_sha256": labels.hexdigest(),
        },
        "recipe": dataclasses.asdict(recipe),
        "weights": None if weights is None else str(weights),
        "precision": precision,
        "seed": seed,
        "backend": keras.backend.backend(),
    }
    return json.loads(json.dumps(description, default=str))


def find_start(checkpoints, description, resume):
    """Finds where a run starts: at its newest checkpoint, or at the beginning.

    Args:
        checkpoints: `Checkpoints` of the run.
        description: Its `describe`.
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
    check_same(facts.pop("run"), description, checkpoints.folder)
    return Position(**facts), arrays


def check_same(saved, now, folder):
    """Raises a `ValueError` that names the fields in which two descriptions differ."""
    saved, now = dict(_fields(_completed(saved))), dict(_fields(now))
    changes = [
        f"{name} was {saved.get(name)!r} and is {now.get(name)!r}"
        for name in sorted({*saved, *now})
        if saved.get(name) != now.get(name)
    ]
    if changes:
        raise ValueError(
            f"{folder} has checkpoints of another run: {'; '.join(changes)}. Choose another "
            "folder, or `resume='never'` to start anew and remove them."
        )


def _completed(saved):
    """A description of before some fields existed, with their defaults: what was done then."""

    def defaults(kind):
        fields = dataclasses.fields(kind)
        return {f.name: f.default for f in fields if f.default is not dataclasses.MISSING}

    recipe = {**defaults(Recipe), **saved["recipe"]}
    if recipe["augmentation"] is not None:
        recipe["augmentation"] = {**defaults(Augmentation), **recipe["augmentation"]}
    return {
        **saved,
        "architecture": {**defaults(Architecture), **saved["architecture"]},
        "recipe": recipe,
    }


def _fields(description, prefix=""):
    for name, value in description.items():
        if isinstance(value, dict):
            yield from _fields(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
