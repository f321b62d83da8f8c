"""Trains a network: python train.py --model=SEResNet20 --data=digits --workdir=runs/digits."""

import difflib

from absl import app, flags

import keras_senet
from keras_senet.training import RECIPES

_MODEL = flags.DEFINE_string("model", "SEResNet20", "Name of a network of keras_senet.")
_DATA = flags.DEFINE_string("data", "digits", "digits, or folder:PATH (one folder per class).")
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder for the results.", required=True)
_RECIPE = flags.DEFINE_enum("recipe", "digits", sorted(RECIPES), "Recipe to start from.")
_WEIGHTS = flags.DEFINE_string("weights", None, "Weights file to start from.")
_IMAGE_SIZE = flags.DEFINE_integer("image_size", None, "Pixels; default: the network's.")
_PRECISION = flags.DEFINE_enum(
    "mixed_precision", "none", ["none", "bfloat16", "float16"], "Precision of activations."
)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of weights, order and augmentation.")
# Fields of the recipe; unset ones keep the recipe's values.
FIELDS = {
    "epochs": flags.DEFINE_integer("epochs", None, "Passes over the training images."),
    "batch_size": flags.DEFINE_integer("batch_size", None, "Images in a step."),
    "learning_rate": flags.DEFINE_float("learning_rate", None, "Highest learning rate."),
    "warmup_epochs": flags.DEFINE_integer("warmup_epochs", None, "Epochs of linear growth."),
    "weight_decay": flags.DEFINE_float("weight_decay", None, "L2 penalty on kernels."),
    "label_smoothing": flags.DEFINE_float("label_smoothing", None, "Share spread over classes."),
}


def _architecture(name):
    architecture = getattr(keras_senet, name, None)
    if isinstance(architecture, keras_senet.Architecture):
        return architecture
    close = difflib.get_close_matches(name, keras_senet.__all__, n=3, cutoff=0.4)
    raise app.UsageError(f"Unknown --model={name}. Close to it: {', '.join(close) or 'none'}.")


def main(argv):
    """Reads the flags, trains, says where the results are."""
    if len(argv) > 1:
        raise app.UsageError(f"Unexpected arguments: {argv[1:]}")
    architecture = _architecture(_MODEL.value)
    changes = {name: flag.value for name, flag in FIELDS.items() if flag.value is not None}
    result = keras_senet.training.train(
        architecture,
        keras_senet.data.load(_DATA.value, image_size=_IMAGE_SIZE.value or architecture.input_size),
        RECIPES[_RECIPE.value].replace(**changes),
        _WORKDIR.value,
        weights=_WEIGHTS.value,
        mixed_precision=_PRECISION.value,
        seed=_SEED.value,
    )
    print(f"Held-out accuracy {result.accuracy:.2%} after {result.seconds:.0f} s of training.")
    print(f"Model, metrics, summary and curves are in {result.workdir}/")


if __name__ == "__main__":
    app.run(main)
