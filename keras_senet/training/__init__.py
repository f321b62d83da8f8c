"""Training a network with `model.fit`, as a recipe says."""

from keras_senet.training._train import train
from keras_senet.training.average_precision import MeanAveragePrecision
from keras_senet.training.distribution import initialize
from keras_senet.training.divergence import Diverged
from keras_senet.training.evaluation import Evaluation, evaluate
from keras_senet.training.folder import check_workdir
from keras_senet.training.label_evaluation import MultiLabelEvaluation
from keras_senet.training.losses import PresentClasses, PresentLabels, loss
from keras_senet.training.numerics import make_deterministic
from keras_senet.training.optimizers import SGD, AdamW, Lamb, optimizer
from keras_senet.training.progress import Progress
from keras_senet.training.recipe import Recipe
from keras_senet.training.recipes import (
    CIFAR,
    CIFAR_SHORT,
    CONVNEXT,
    DIGITS,
    FINETUNE,
    LARGE_BATCH,
    MOBILE,
    PAPER,
    QUANTIZATION_AWARE,
    RECIPES,
    RELEASED,
    RSB_A2,
    RSB_A3,
    SENET154,
)
from keras_senet.training.report import write_report
from keras_senet.training.results import Result
from keras_senet.training.saving import Saving
from keras_senet.training.schedules import Schedule
from keras_senet.training.stopping import Preempted
from keras_senet.training.unseen import check_unseen

__all__ = [
    "CIFAR",
    "CIFAR_SHORT",
    "CONVNEXT",
    "DIGITS",
    "FINETUNE",
    "LARGE_BATCH",
    "MOBILE",
    "PAPER",
    "QUANTIZATION_AWARE",
    "RECIPES",
    "RELEASED",
    "RSB_A2",
    "RSB_A3",
    "SENET154",
    "SGD",
    "AdamW",
    "Diverged",
    "Evaluation",
    "Lamb",
    "MeanAveragePrecision",
    "MultiLabelEvaluation",
    "Preempted",
    "PresentClasses",
    "PresentLabels",
    "Progress",
    "Recipe",
    "Result",
    "Saving",
    "Schedule",
    "check_unseen",
    "check_workdir",
    "evaluate",
    "initialize",
    "loss",
    "make_deterministic",
    "optimizer",
    "train",
    "write_report",
]
