"""The recipe: how to train a network, as a value."""

import dataclasses
import typing

from keras_senet.data.augmentation import Augmentation
from keras_senet.training.optimizers import DECAYED
from keras_senet.training.schedules import SHAPES

CHOICES = {
    "schedule": SHAPES,
    "optimizer": ("sgd", "nesterov", "lamb"),
    "decayed": DECAYED,
    "loss": ("cross_entropy", "binary_cross_entropy"),
    "sampling": ("uniform", "class_balanced"),
}
POSITIVE = ("epochs", "batch_size", "learning_rate", "base_batch_size", "accumulation_steps")
SHARES = ("momentum", "ema", "label_smoothing")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to train a network.

    Attributes:
        name: Name of the recipe in the summary.
        epochs: Passes over the training images.
        batch_size: Images in a step, that is in one update of the weights.
        learning_rate: Highest learning rate of a batch of `base_batch_size`.
        base_batch_size: Images in a step that `learning_rate` is stated for; other batch sizes
            scale it linearly (Goyal et al., https://arxiv.org/abs/1706.02677, section 2.1).
        schedule: `"cosine"` or `"linear"` to 0, or `"step"`: divided by 10 at each of `drops`.
        drops: Epochs, counted from 0, at whose start the learning rate drops.
        warmup_epochs: Epochs of linear growth from 0 to the highest learning rate.
        optimizer: `"sgd"`, `"nesterov"` (SGD with Nesterov's momentum) or `"lamb"`.
        momentum: Momentum of SGD.
        weight_decay: Coefficient of the L2 penalty `weight_decay / 2 * |w|^2` inside the momentum,
            as in Caffe and PyTorch; of LAMB's decay with LAMB.
        decayed: Weights that decay: `"kernels"`, or `"all"` with biases and normalization (SGD
            only).
        clip_norm: Largest norm of all gradients together, or `None`.
        accumulation_steps: Parts that a batch is computed in, one after the other, to save memory.
        ema: Momentum of an exponential moving average of all weights, which replaces them at the
            end; 0 for none.
        loss: `"cross_entropy"` of a softmax, or `"binary_cross_entropy"` of sigmoids.
        label_smoothing: Share of the target spread over all classes.
        dropout: Share of features dropped before the classifier; `None` for the network's own.
        zero_gamma: Whether gamma of each residual branch's last normalization begins at 0, in a
            network that starts from random weights.
        freeze_bn_from: Epoch, counted from 0, at whose start batch normalization is frozen: moving
            statistics normalize, gamma and beta do not change; 0: throughout; `None`: never.
        freeze_stages: Stages that are not trained, such as `("stem", "stage2")`.
        precise_bn_batches: Batches from which the final statistics of batch normalization are
            computed; 0 keeps the moving averages.
        image_size: Height and width of training images in pixels; `None` for the network's own.
        augmentation: The `Augmentation` of training images; `None` for the data set's own.
        sampling: `"uniform"`: every image once an epoch; or `"class_balanced"`: every class
            equally often.
    """

    name: str
    epochs: int
    batch_size: int
    learning_rate: float
    base_batch_size: int
    schedule: str = "cosine"
    drops: tuple[int, ...] = ()
    warmup_epochs: int = 0
    optimizer: str = "sgd"
    momentum: float = 0.9
    weight_decay: float = 1e-4
    decayed: str = "kernels"
    clip_norm: float | None = None
    accumulation_steps: int = 1
    ema: float = 0.0
    loss: str = "cross_entropy"
    label_smoothing: float = 0.0
    dropout: float | None = None
    zero_gamma: bool = False
    freeze_bn_from: int | None = None
    freeze_stages: tuple[str, ...] = ()
    precise_bn_batches: int = 0
    image_size: int | None = None
    augmentation: Augmentation | None = None
    sampling: str = "uniform"

    def __post_init__(self):
        for field in POSITIVE:
            if getattr(self, field) <= 0:
                raise ValueError(
                    f"Field `{field}` must be greater than 0. Received: {getattr(self, field)}"
                )
        for field in SHARES:
            if not 0 <= getattr(self, field) < 1:
                raise ValueError(
                    f"Field `{field}` must be from 0 to below 1. Received: {getattr(self, field)}"
                )
        for field, choices in CHOICES.items():
            if getattr(self, field) not in choices:
                raise ValueError(
                    f"Field `{field}` must be one of {choices}. Received: {getattr(self, field)!r}"
                )
        self._check_epochs()
        if self.optimizer == "lamb" and self.decayed == "all":
            raise ValueError("LAMB decays kernels only: set `decayed='kernels'`.")
        if self.batch_size % self.accumulation_steps:
            raise ValueError(
                "Field `batch_size` must be a multiple of `accumulation_steps`. Received: "
                f"batch_size={self.batch_size}, accumulation_steps={self.accumulation_steps}"
            )

    def _check_epochs(self):
        if self.warmup_epochs >= self.epochs:
            raise ValueError(
                "Field `warmup_epochs` must be below `epochs`. Received: "
                f"warmup_epochs={self.warmup_epochs}, epochs={self.epochs}"
            )
        if self.freeze_bn_from is not None and not 0 <= self.freeze_bn_from < self.epochs:
            raise ValueError(
                "Field `freeze_bn_from` must be an epoch from 0 to below `epochs`, or None. "
                f"Received: freeze_bn_from={self.freeze_bn_from}, epochs={self.epochs}"
            )
        if self.schedule == "step" and not self.drops:
            raise ValueError(
                "Schedule 'step' needs the epochs of its drops, as `drops=(30, 60, 90)`."
            )

    @property
    def peak_learning_rate(self) -> float:
        """Highest learning rate of a run with this batch size."""
        return self.learning_rate * self.batch_size / self.base_batch_size

    @property
    def part_size(self) -> int:
        """Images in a part of accumulation, which `model.fit` calls a batch."""
        return self.batch_size // self.accumulation_steps

    @property
    def activation(self) -> str:
        """Activation of the classifier whose outputs the loss takes."""
        return "sigmoid" if self.loss == "binary_cross_entropy" else "softmax"

    def replace(self, **changes) -> typing.Self:
        """A copy with these fields changed; the learning rate follows the batch size."""
        return dataclasses.replace(self, **changes)
