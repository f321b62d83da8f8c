"""Trains a network: keras-senet train --model=SEResNet20 --data=digits --workdir=runs/digits.

The same command again goes on where it was stopped. It exits with 75 after SIGTERM (run it again),
with 130 after Ctrl-C, with 1 if the run has diverged, with 2 after a mistake in flags, data or
folders, which it names. With --mode=evaluate --workdir=RUN it judges a finished run.
"""

import sys
from collections.abc import Sequence

from absl import flags

import keras_senet
from keras_senet import mistakes
from keras_senet.cli import data_flags, program, recipe_flags
from keras_senet.cli.evaluate import evaluate
from keras_senet.training import RECIPES


def run(arguments: Sequence[str]) -> None:
    """The command, on its command line without the program's name."""
    program.run(_main, define(), arguments, __doc__)


def define() -> flags.FlagValues:
    """All flags of the command."""
    values = program.flag_values()
    data_flags.define(values)
    recipe_flags.define(values)
    add = program.adder(values)
    add(flags.DEFINE_enum, "mode", "train", ["train", "evaluate"], "What to do.")
    add(flags.DEFINE_enum, "recipe", "digits", sorted(RECIPES), "Recipe to start from.")
    add(flags.DEFINE_integer, "seed", 0, "Seed of weights, order and augmentation.")
    add(
        flags.DEFINE_enum,
        "precision",
        "auto",
        ["auto", "float32", "bfloat16", "float16"],
        "Precision of activations; auto: bfloat16 on accelerators that have it.",
    )
    add(
        flags.DEFINE_enum,
        "resume",
        "auto",
        ["auto", "never", "must"],
        "auto: from the newest checkpoint, if any; never: anew, removing them; must: only from "
        "one.",
    )
    add(flags.DEFINE_integer, "checkpoint_steps", None, "Save after so many steps too.")
    add(flags.DEFINE_float, "checkpoint_seconds", 600.0, "Save after so many seconds too.")
    add(flags.DEFINE_integer, "keep_checkpoints", 3, "Checkpoints kept besides the best one.")
    add(flags.DEFINE_bool, "tensorboard", False, "Logs for TensorBoard in the folder.")
    add(flags.DEFINE_bool, "deterministic", False, "The same bits every time, slower.")
    add(flags.DEFINE_list, "devices", None, "As gpu:0,gpu:1; default: all accelerators.")
    add(flags.DEFINE_string, "coordinator", None, "HOST:PORT of process 0, for several.")
    add(flags.DEFINE_integer, "num_processes", None, "Number of processes (JAX).")
    add(flags.DEFINE_integer, "process_id", None, "Number of this process, from 0.")
    add(flags.DEFINE_bool, "data_only", False, "Only measure the input pipeline.")
    add(flags.DEFINE_bool, "check_data", False, "Only look for images that cannot be read.")
    return values


def _main(values, others):
    """Reads the flags, makes one call of the library, says what came of it."""
    program.none_left(others)
    if values.deterministic:
        keras_senet.training.make_deterministic()
    keras_senet.training.initialize(values.coordinator, values.num_processes, values.process_id)
    recipe = recipe_flags.changed(RECIPES[values.recipe], values)
    _check_workdir(values)
    if values.mode == "evaluate" and not (values.data_only or values.check_data):
        evaluate(values, image_size=recipe.image_size, batch_size=recipe.batch_size)
        return
    architecture = mistakes.architecture(values.model)
    dataset = data_flags.load(
        values,
        values.data,
        recipe.image_size or architecture.input_size,
        data_flags.division(values),
    )
    if values.data_only:
        rate = keras_senet.data.throughput(
            dataset,
            recipe.batch_size,
            sampling=recipe.sampling,
            augmentation=recipe.augmentation,
        )
        print(f"{rate:.0f} images/s decoded, cropped and augmented.")
    elif values.check_data:
        bad = keras_senet.data.check(dataset)
        for path, reason in bad.items():
            print(f"{path}: {reason}")
        print(f"{len(bad)} unreadable images.")
        sys.exit(bool(bad))
    else:
        _train(values, architecture, dataset, recipe)


def _check_workdir(values):
    """Before the data is read, which may take long."""
    if values.data_only or values.check_data or (values.mode == "evaluate" and values.weights):
        return
    if not values.workdir:
        raise ValueError("Flag --workdir must be given: the folder of the run.")
    if values.mode == "train":
        keras_senet.training.check_workdir(data_flags.workdir(values))


def _quantize(recipe):
    """What makes a network one that trains for int8, where the recipe does."""
    return keras_senet.export.quantization_aware if recipe.quantization_aware else None


def _train(values, architecture, dataset, recipe):
    saving = keras_senet.training.Saving(
        steps=values.checkpoint_steps,
        seconds=values.checkpoint_seconds,
        keep=values.keep_checkpoints,
        tensorboard=values.tensorboard,
    )
    dataset.check_labels()  # reads those of record files, so that they can be counted
    print(dataset, flush=True)
    try:
        result = keras_senet.training.train(
            architecture,
            dataset,
            recipe,
            data_flags.workdir(values),
            weights=values.weights,
            precision=values.precision,
            seed=values.seed,
            resume=values.resume,
            saving=saving,
            devices=values.devices,
            quantize=_quantize(recipe),
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
    data_flags.say_unreadable(
        dataset.bad_images, "Images that could not be read and were replaced or left out"
    )
    if result.test is not None:
        print(f"Test: {data_flags.figures(result.test)}")
    print(f"Model, metrics, report and checkpoints are in {result.workdir}/")
