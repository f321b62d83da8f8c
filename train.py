"""Trains a network: python train.py --model=SEResNet20 --data=digits --workdir=runs/digits.

The same command again goes on where it was stopped. It exits with 75 after SIGTERM (run it again),
with 130 after Ctrl-C, with 1 if the run has diverged, with 2 after a mistake in flags, data or
folders, which it names. With --mode=evaluate --workdir=RUN it judges a finished run.
"""

import json
import os
import pathlib
import signal
import sys


def _leave(number, _):
    """Ends the program while it loads libraries and data: no step could be lost."""
    name, code = ("Ctrl-C", 130) if number == signal.SIGINT else ("SIGTERM", 75)
    os.write(1, f"{name}: nothing is lost. Run the same command again.\n".encode())
    os._exit(code)


if __name__ == "__main__":
    for _number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(_number, _leave)

# Before TensorFlow is imported. Without AVX-512 it leaves its fast kernels for CPUs, oneDNN's, off.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

from absl import flags

import keras_senet
from keras_senet import mistakes
from keras_senet.training import RECIPES, recipe_flags
from keras_senet.training.evaluation import SPLITS

_MODE = flags.DEFINE_enum("mode", "train", ["train", "evaluate"], "What to do.")
_MODEL = flags.DEFINE_string("model", "SEResNet20", "Name of a network of keras_senet.")
_DATA = flags.DEFINE_string(
    "data",
    "digits",
    "digits, shapes, folder:PATH (a folder per class, or splits), csv:PATH (any number of labels "
    "an image), or tfds:NAME.",
)
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run.")
_RECIPE = flags.DEFINE_enum("recipe", "digits", sorted(RECIPES), "Recipe to start from.")
_WEIGHTS = flags.DEFINE_string("weights", None, "Weights file to start from, or to evaluate.")
_SPLIT = flags.DEFINE_enum("split", "held_out", SPLITS, "Images to evaluate on.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of weights, order and augmentation.")
_PRECISION = flags.DEFINE_enum(
    "precision",
    "auto",
    ["auto", "float32", "bfloat16", "float16"],
    "Precision of activations; auto: bfloat16 on accelerators that have it.",
)
_RESUME = flags.DEFINE_enum(
    "resume",
    "auto",
    ["auto", "never", "must"],
    "auto: from the newest checkpoint, if any; never: anew, removing them; must: only from one.",
)
_STEPS = flags.DEFINE_integer("checkpoint_steps", None, "Save after so many steps too.")
_SECONDS = flags.DEFINE_float("checkpoint_seconds", 600.0, "Save after so many seconds too.")
_KEEP = flags.DEFINE_integer("keep_checkpoints", 3, "Checkpoints kept besides the best one.")
_TENSORBOARD = flags.DEFINE_bool("tensorboard", False, "Logs for TensorBoard in the folder.")
_DETERMINISTIC = flags.DEFINE_bool("deterministic", False, "The same bits every time, slower.")
_DEVICES = flags.DEFINE_list("devices", None, "As gpu:0,gpu:1; default: all accelerators.")
_COORDINATOR = flags.DEFINE_string("coordinator", None, "HOST:PORT of process 0, for several.")
_PROCESSES = flags.DEFINE_integer("num_processes", None, "Number of processes (JAX).")
_PROCESS = flags.DEFINE_integer("process_id", None, "Number of this process, from 0.")
_DATA_ONLY = flags.DEFINE_bool("data_only", False, "Only measure the input pipeline.")
_CHECK_DATA = flags.DEFINE_bool("check_data", False, "Only look for images that cannot be read.")
_HOLD_OUT = flags.DEFINE_float("hold_out", None, "Share of each class to hold out anew.")
_FOLD = flags.DEFINE_string("fold", None, "As 2/5: hold out the second of five folds.")
_BAD_IMAGES = flags.DEFINE_integer(
    "max_bad_images", None, "Unreadable images to tolerate; default: a tenth of a split."
)
_DEBUG = flags.DEFINE_bool("debug", False, "Show where in the code an error was found.")


def _train(architecture, dataset, recipe):
    saving = keras_senet.training.Saving(
        steps=_STEPS.value,
        seconds=_SECONDS.value,
        keep=_KEEP.value,
        tensorboard=_TENSORBOARD.value,
    )
    dataset.check_labels()  # reads those of record files, so that they can be counted
    print(dataset, flush=True)
    try:
        result = keras_senet.training.train(
            architecture,
            dataset,
            recipe,
            _workdir(),
            weights=_WEIGHTS.value,
            precision=_PRECISION.value,
            seed=_SEED.value,
            resume=_RESUME.value,
            saving=saving,
            devices=_DEVICES.value,
        )
    except keras_senet.training.Diverged as error:
        sys.exit(f"{error}")
    figures = f"accuracy {result.accuracy:.2%}"
    if result.mean_average_precision is not None:
        figures = (
            f"mean average precision {result.mean_average_precision:.2%}, all labels right in "
            f"{result.accuracy:.2%} of the images,"
        )
    print(f"Held-out {figures} after {result.seconds:.0f} s of training.")
    _say_unreadable(
        dataset.bad_images, "Images that could not be read and were replaced or left out"
    )
    if result.test is not None:
        print(f"Test: {_figures(result.test)}")
    print(f"Model, metrics, report and checkpoints are in {result.workdir}/")


def _evaluate(recipe):
    """Judges a model: of a run on its own data, or that of weights."""
    if _WEIGHTS.value and _WORKDIR.value:
        raise ValueError("--weights and --workdir exclude each other in evaluation: give one.")
    if _WEIGHTS.value:
        # In the size of their evaluation, unless given.
        size = recipe.image_size
        shape = None if size is None else (size, size, 3)
        # Any number of labels an image takes sigmoids; the weights must have been trained so.
        activation = "sigmoid" if _DATA.value.startswith("csv:") else "softmax"
        model = mistakes.architecture(_MODEL.value)(
            weights=_WEIGHTS.value, input_shape=shape, classifier_activation=activation
        )
        source, division, batch_size = _DATA.value, _division(), recipe.batch_size
    else:
        model, source, division, batch_size = _of_run(recipe)
    dataset = _load(source, model.inputs[0].shape[1], division)
    run = _workdir() if _WORKDIR.value else pathlib.Path(_WEIGHTS.value).expanduser().parent
    keras_senet.training.check_unseen(run, dataset, _SPLIT.value)
    # With other classes the classifier would be new, and its accuracy noise.
    if _WEIGHTS.value and model.output_shape[-1] != len(dataset.class_names):
        raise ValueError(
            f"--weights={_WEIGHTS.value} has {model.output_shape[-1]} classes, "
            f"--data={source} has {len(dataset.class_names)}. Train on it first."
        )
    found = keras_senet.training.evaluate(model, dataset, batch_size, split=_SPLIT.value)
    split = _SPLIT.value.replace("_", "-")
    print(f"{dataset.name}, {split} images seen at {found.view}.")
    print(_figures(found))
    _say_unreadable(found.unreadable, "Images that could not be read and were not judged")
    if isinstance(found, keras_senet.training.MultiLabelEvaluation):
        print(found)
        return
    for truth, taken, images in found.confused():
        print(f"{images:6} of {truth} taken for {taken}")


def _figures(found):
    if isinstance(found, keras_senet.training.MultiLabelEvaluation):
        return (
            f"mean average precision {found.mean_average_precision:.2%}, all labels right in "
            f"{found.exact_match:.2%}, {found.images} images"
        )
    return f"top-1 {found.top1:.2%}, top-5 {found.top5:.2%}, {found.images} images"


def _of_run(recipe):
    """Model, data, their division and batch size of a finished run; flags come before its own."""
    path, summary = _workdir() / "model.keras", _workdir() / "summary.json"
    if not path.exists():
        raise ValueError(f"No finished run in --workdir={_WORKDIR.value}: it has no model.keras.")
    for flag in ("model", "image_size"):
        if flags.FLAGS[flag].present:
            raise ValueError(
                f"--{flag} and --workdir exclude each other in evaluation: the run has its own. "
                f"Pass --weights={path} in place of --workdir."
            )
    source, division, batch_size = _DATA.value, _division(), recipe.batch_size
    if not (flags.FLAGS["data"].present and flags.FLAGS["batch_size"].present):
        if not summary.exists():
            raise ValueError(
                f"{summary} is missing, which says what data the run had. Pass --data and "
                "--batch_size, or repeat the training command, which writes it."
            )
        run = json.loads(summary.read_text())
        if not flags.FLAGS["data"].present:
            source = run.get("source", run["data"])  # runs of earlier versions have a name alone
            division = division or run.get("division")
            if source is None:
                raise ValueError(f"{summary} does not say where {run['data']} lies. Pass --data.")
        if not flags.FLAGS["batch_size"].present:
            batch_size = run["recipe"]["batch_size"]
    return mistakes.load_model(path), source, division, batch_size


def _say_unreadable(unreadable, what):
    if unreadable:
        path, reason = next(iter(unreadable.items()))
        print(f"{what}: {len(unreadable)}. The first: {path}: {reason}")


def _load(source, image_size, division=None):
    return keras_senet.data.load(
        source, image_size=image_size, max_bad_images=_BAD_IMAGES.value, division=division
    )


def _division():
    """The division of the data that the flags ask for, or `None`."""
    if _HOLD_OUT.value is not None and _FOLD.value is not None:
        raise ValueError("--hold_out and --fold exclude each other: give one.")
    if _FOLD.value is not None:
        return f"fold {_FOLD.value}"
    return None if _HOLD_OUT.value is None else f"hold_out {_HOLD_OUT.value}"


def _workdir():
    return pathlib.Path(_WORKDIR.value).expanduser()


def _check_workdir():
    """Before the data is read, which may take long."""
    if _DATA_ONLY.value or _CHECK_DATA.value or (_MODE.value == "evaluate" and _WEIGHTS.value):
        return
    if not _WORKDIR.value:
        raise ValueError("Flag --workdir must be given: the folder of the run.")
    if _MODE.value == "train":
        keras_senet.training.check_workdir(_workdir())


def main(argv):
    """Reads the flags, makes one call of the library, says what came of it."""
    if len(argv) > 1:
        raise ValueError(f"Unexpected arguments: {argv[1:]}")
    if _DETERMINISTIC.value:
        keras_senet.training.make_deterministic()
    keras_senet.training.initialize(_COORDINATOR.value, _PROCESSES.value, _PROCESS.value)
    recipe = recipe_flags.changed(RECIPES[_RECIPE.value])
    _check_workdir()
    if _MODE.value == "evaluate" and not (_DATA_ONLY.value or _CHECK_DATA.value):
        _evaluate(recipe)
        return
    architecture = mistakes.architecture(_MODEL.value)
    dataset = _load(_DATA.value, recipe.image_size or architecture.input_size, _division())
    if _DATA_ONLY.value:
        rate = keras_senet.data.throughput(
            dataset,
            recipe.batch_size,
            sampling=recipe.sampling,
            augmentation=recipe.augmentation,
        )
        print(f"{rate:.0f} images/s decoded, cropped and augmented.")
    elif _CHECK_DATA.value:
        bad = keras_senet.data.check(dataset)
        for path, reason in bad.items():
            print(f"{path}: {reason}")
        print(f"{len(bad)} unreadable images.")
        sys.exit(bool(bad))
    else:
        _train(architecture, dataset, recipe)


recipe_flags.define()
flags.adopt_module_key_flags(recipe_flags)  # for --help
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # from here on others answer Ctrl-C
    mistakes.run(main)
