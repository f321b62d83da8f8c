"""Learning rate over the steps of a run."""

import math
from collections.abc import Sequence

import keras
from keras import ops

SHAPES = ("cosine", "linear", "step")


@keras.saving.register_keras_serializable(package="keras_senet")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A linear warm-up from 0 to the peak, then one of three decays.

    Of Keras' own schedules only the cosine has a warm-up, and each of them counts every batch of
    gradient accumulation as a step.

    Args:
        peak: Highest learning rate.
        steps: Steps (updates of the weights) of the whole run.
        shape: `"cosine"`: `(1 + cos(pi t)) / 2` of the peak, with t from 0 at the end of the
            warm-up to 1 at the end of the run; `"linear"`: `1 - t` of it; `"step"`: a tenth at
            each drop.
        warmup_steps: Steps of linear growth.
        drops: Steps, counted from the start of the run, at which shape `"step"` drops.
        accumulation_steps: Batches in one step.

    Example:
        >>> float(Schedule(0.6, 100, shape="step", drops=(30, 60, 90))(30))
        0.06...
    """

    def __init__(
        self,
        peak: float,
        steps: int,
        shape: str = "cosine",
        warmup_steps: int = 0,
        drops: Sequence[int] = (),
        accumulation_steps: int = 1,
    ):
        if shape not in SHAPES:
            raise ValueError(f"Argument `shape` must be one of {SHAPES}. Received: {shape!r}")
        self.peak = peak
        self.steps = steps
        self.shape = shape
        self.warmup_steps = warmup_steps
        self.drops = tuple(drops)
        self.accumulation_steps = accumulation_steps

    def __call__(self, step: int | keras.KerasTensor) -> keras.KerasTensor:
        """The learning rate of a batch, counted from 0."""
        step = ops.floor_divide(ops.convert_to_tensor(step), self.accumulation_steps)
        if self.shape == "step":
            passed = sum(ops.cast(step >= drop, "float32") for drop in self.drops)
            rate = self.peak * ops.power(0.1, ops.cast(passed, "float32"))
        else:
            rest = max(1, self.steps - self.warmup_steps)  # all of a run may be its warm-up
            done = ops.clip(ops.cast(step - self.warmup_steps, "float32") / rest, 0, 1)
            left = 1 - done if self.shape == "linear" else (1 + ops.cos(math.pi * done)) / 2
            rate = self.peak * left
        if not self.warmup_steps:
            return rate
        growing = self.peak * ops.cast(step, "float32") / self.warmup_steps
        return ops.where(step < self.warmup_steps, growing, rate)

    def get_config(self) -> dict:
        """Constructor arguments."""
        return {
            "peak": self.peak,
            "steps": self.steps,
            "shape": self.shape,
            "warmup_steps": self.warmup_steps,
            "drops": self.drops,
            "accumulation_steps": self.accumulation_steps,
        }


def learning_rate(recipe, steps_per_epoch):
    """The schedule of a recipe.

    Args:
        recipe: A `Recipe`.
        steps_per_epoch: Updates of the weights in an epoch.
    """
    return Schedule(
        recipe.peak_learning_rate,
        recipe.epochs * steps_per_epoch,
        recipe.schedule,
        recipe.warmup_epochs * steps_per_epoch,
        [epoch * steps_per_epoch for epoch in recipe.drops],
        recipe.accumulation_steps,
    )
