"""Recipes: how to train, as values."""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """Stochastic gradient descent with momentum, warm-up and a schedule.

    Attributes:
        name: What to call it in the summary.
        epochs: Passes over the training images.
        batch_size: Images in a step.
        learning_rate: Highest learning rate, for this batch size.
        warmup_epochs: Epochs of linear growth from 0 to it.
        schedule: `"cosine"` to 0, or `"step"`: a tenth of it after every `step_epochs`.
        step_epochs: Epochs between the steps.
        momentum: Momentum of SGD.
        nesterov: Whether it is Nesterov's.
        weight_decay: Coefficient of the L2 penalty `weight_decay / 2 * |w|^2` on kernels, as in
            Caffe and PyTorch (inside the momentum); none on biases and normalization.
        label_smoothing: Share of the target spread over all classes.
    """

    name: str
    epochs: int
    batch_size: int
    learning_rate: float
    warmup_epochs: int = 0
    schedule: str = "cosine"
    step_epochs: int = 30
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 1e-4
    label_smoothing: float = 0.0

    def __post_init__(self):
        for field in ("epochs", "batch_size", "learning_rate", "step_epochs"):
            if getattr(self, field) <= 0:
                raise ValueError(
                    f"Field `{field}` must be greater than 0. Received: {getattr(self, field)}"
                )
        if self.warmup_epochs >= self.epochs:
            raise ValueError(
                "Field `warmup_epochs` must be below `epochs`. Received: "
                f"warmup_epochs={self.warmup_epochs}, epochs={self.epochs}"
            )
        if self.schedule not in ("cosine", "step"):
            raise ValueError(
                f"Field `schedule` must be 'cosine' or 'step'. Received: {self.schedule!r}"
            )

    def replace(self, **changes):
        """A copy with these fields changed."""
        return dataclasses.replace(self, **changes)


# Section 5.1 of the paper. It does not state the decay; the author names 1e-4 for SE-ResNets.
PAPER = Recipe(
    name="paper",
    epochs=100,
    batch_size=1024,
    learning_rate=0.6,
    schedule="step",
)
# Small images, small networks: a minute on two cores.
DIGITS = Recipe(
    name="digits",
    epochs=16,
    batch_size=64,
    learning_rate=0.1,
    warmup_epochs=1,
    nesterov=True,
    weight_decay=5e-4,
)
