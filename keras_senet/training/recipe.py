"""The recipe: how to train a network, as a value."""

import dataclasses
import typing

import numpy as np

from keras_senet.data.augmentation import Augmentation
from keras_senet.data.limits import Limit, check
from keras_senet.training.optimizers import DECAYED
from keras_senet.training.schedules import SHAPES
from keras_senet.weights.fields import is_integer, replaced, settle

CHOICES = {
    "schedule": SHAPES,
    "optimizer": ("sgd", "nesterov", "lamb", "adamw"),
    "decayed": DECAYED,
    "loss": ("cross_entropy", "binary_cross_entropy"),
    "quantization_aware": (False, True),
    "zero_gamma": (False, True),
    "sampling": ("uniform", "class_balanced"),
}
SHARE = Limit(0, 1, below=True)
LIMITS = {
    "epochs": Limit(1, whole=True),
    "batch_size": Limit(1, whole=True),
    "learning_rate": Limit(0, above=True),
    "base_batch_size": Limit(1, whole=True),
    "patience": Limit(1, whole=True, optional=True),
    "warmup_epochs": Limit(0, whole=True),
    "momentum": SHARE,
    "weight_decay": Limit(0),
    "clip_norm": Limit(0, above=True, optional=True),
    "accumulation_steps": Limit(1, whole=True),
    "ema": SHARE,
    "label_smoothing": SHARE,
    "dropout": Limit(0, 1, below=True, optional=True),
    "stochastic_depth": Limit(0, 1, below=True, optional=True),
    "gate_start": Limit(0, 1, above=True, below=True, optional=True),
    "freeze_bn_from": Limit(0, whole=True, optional=True),
    "precise_bn_batches": Limit(0, whole=True),
    "image_size": Limit(1, whole=True, optional=True),
    "repeats": Limit(1, whole=True),
}


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
        patience: Epochs without a better accuracy on held-out images (of any number of labels, mean
            average precision) after which the run ends; `None`: it does not end before the last.
        schedule: `"cosine"` or `"linear"` to 0, or `"step"`: divided by 10 at each of `drops`.
        drops: Epochs, counted from 0, at whose start the learning rate of `"step"` drops.
        warmup_epochs: Epochs of linear growth from 0 to the highest learning rate, at most all.
        optimizer: `"sgd"`, `"nesterov"` (SGD with Nesterov's momentum), `"lamb"` or `"adamw"`.
        momentum: Momentum of SGD.
        weight_decay: Coefficient of the L2 penalty `weight_decay / 2 * |w|^2` inside the momentum,
            as in Caffe and PyTorch; with LAMB and AdamW, of their own decay.
        decayed: Weights that decay: `"kernels"`, or `"all"` with biases and normalization (not
            with LAMB).
        clip_norm: Largest norm of all gradients together, or `None`.
        accumulation_steps: Parts that a batch is computed in, one after the other, to save memory.
        quantization_aware: Whether the network is trained with the rounding of its int8 file, which
            `train` makes it compute by its argument `quantize`.
        ema: Momentum of an exponential moving average of all weights, which replaces them at the
            end; 0 for none.
        loss: `"cross_entropy"` of a softmax, or `"binary_cross_entropy"` of sigmoids, which images
            with any number of labels need.
        label_smoothing: Share of the target spread over all classes, or over a label's yes and no.
        class_weights: How much the images of a class count in the loss: `"balanced"`, inversely to
            the number of its training images; or a number for each class, such as `(1.0, 5.0)`;
            both are scaled to a mean of 1 over the images drawn; `None`: all alike. Of any number
            of labels: how much the images with a label count against those without it;
            `"balanced"`: both count as much.
        dropout: Share of features dropped before the classifier; `None` for the network's own.
        stochastic_depth: Share of images for which the branch of the last residual unit is dropped,
            growing linearly from 0 at the first unit; `None` for the network's own.
        gate_start: Value around which the gates of SE blocks begin, by their last bias, in a
            network that starts from random weights; of blocks without biases, or whose design says
            its own `start`, nothing changes. `None`: the paper's, whose sigmoids begin around 1/2
            and halve every branch.
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
        repeats: How often an image that is drawn comes, each time augmented anew, within a few
            images (repeated augmentation); an epoch has as many images as without.

    Raises:
        ValueError: If a field is out of its limits, or an epoch that it names is not in the run.

    Example:
        >>> keras_senet.training.PAPER.replace(epochs=10)
        Traceback (most recent call last):
        ValueError: Field `drops` must be increasing epochs from 0 to below `epochs`. Received: ...
    """

    name: str
    epochs: int
    batch_size: int
    learning_rate: float
    base_batch_size: int
    patience: int | None = None
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
    class_weights: str | tuple[float, ...] | None = None
    dropout: float | None = None
    stochastic_depth: float | None = None
    gate_start: float | None = None
    zero_gamma: bool = False
    freeze_bn_from: int | None = None
    freeze_stages: tuple[str, ...] = ()
    precise_bn_batches: int = 0
    image_size: int | None = None
    augmentation: Augmentation | None = None
    sampling: str = "uniform"
    repeats: int = 1
    quantization_aware: bool = False

    def __post_init__(self):
        for field in ("drops", "freeze_stages", "class_weights"):
            value = getattr(self, field)
            is_list = isinstance(value, (list, np.ndarray))
            object.__setattr__(self, field, tuple(value) if is_list else value)
        settle(self, dataclasses.fields(self))
        check(self, LIMITS)
        for field, choices in CHOICES.items():
            if getattr(self, field) not in choices:
                raise ValueError(
                    f"Field `{field}` must be one of {choices}. Received: {getattr(self, field)!r}"
                )
        if not isinstance(self.augmentation, (Augmentation, type(None))):
            raise ValueError(
                "Field `augmentation` must be an Augmentation, such as data.PHOTO, or None for the "
                f"data set's own. Received: {self.augmentation!r}"
            )
        if not _are(self.freeze_stages, lambda stage: isinstance(stage, str)):
            raise ValueError(
                "Field `freeze_stages` must be a tuple of stages, such as ('stem', 'stage2'), or "
                f"() for none. Received: {self.freeze_stages!r}"
            )
        weights = self.class_weights
        if weights not in (None, "balanced") and not _are(weights, Limit(0).allows):
            raise ValueError(
                "Field `class_weights` must be 'balanced', a tuple with a number from 0 for each "
                f"class, or None. Received: {weights!r}"
            )
        self._check_epochs()
        self._check_quantization()
        if self.optimizer == "lamb" and self.decayed == "all":
            raise ValueError("LAMB decays kernels only: set `decayed='kernels'`.")
        if self.batch_size % self.accumulation_steps:
            raise ValueError(
                "Field `batch_size` must be a multiple of `accumulation_steps`. Received: "
                f"batch_size={self.batch_size}, accumulation_steps={self.accumulation_steps}"
            )

    def _check_epochs(self):
        """Epochs that the run does not reach would be no warm-up, drop or freezing at all."""
        if self.warmup_epochs > self.epochs:
            raise ValueError(
                "Field `warmup_epochs` must be at most `epochs`. Received: "
                f"warmup_epochs={self.warmup_epochs}, epochs={self.epochs}"
            )
        if self.freeze_bn_from is not None and self.freeze_bn_from >= self.epochs:
            raise ValueError(
                "Field `freeze_bn_from` must be an epoch from 0 to below `epochs`, or None. "
                f"Received: freeze_bn_from={self.freeze_bn_from}, epochs={self.epochs}"
            )
        if self.schedule != "step":
            if self.drops != ():
                raise ValueError(
                    "Field `drops` is that of schedule 'step': expected () with "
                    f"{self.schedule!r} (`none` on the command line). Received: {self.drops!r}"
                )
            return
        if self.drops == ():
            raise ValueError(
                "Field `drops` must name the epochs at which schedule 'step' drops, such as (30, "
                "60, 90). Received: ()"
            )
        rising = _are(self.drops, is_integer) and [*self.drops] == sorted({*self.drops})
        if not rising or self.drops[0] < 0 or self.drops[-1] >= self.epochs:
            raise ValueError(
                "Field `drops` must be increasing epochs from 0 to below `epochs`. Received: "
                f"drops={self.drops!r}, epochs={self.epochs}"
            )

    def _check_quantization(self):
        """Fields of layers that an int8 network has no longer would have no effect."""
        unset = {"dropout": None, "stochastic_depth": None, "freeze_bn_from": None}
        unset |= {"zero_gamma": False, "precise_bn_batches": 0, "gate_start": None}
        wrong = [name for name, value in unset.items() if getattr(self, name) != value]
        if self.quantization_aware and wrong:
            raise ValueError(
                f"Field `{wrong[0]}` must be {unset[wrong[0]]} with quantization_aware=True: "
                "normalization and dropout are folded away there, and gates are trained. "
                f"Received: {getattr(self, wrong[0])!r}"
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
        return replaced(self, changes)


def _are(values, kind):
    return isinstance(values, tuple) and all(map(kind, values))
