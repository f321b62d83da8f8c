"""One training run: from an architecture and a data set to files in a folder."""

import dataclasses
import datetime
import json
import math
import os
import pathlib
import time

import keras

from keras_senet.training.curves import plot_curves
from keras_senet.training.losses import loss
from keras_senet.training.optimizers import optimizer

POLICIES = {
    "none": "float32",
    "float32": "float32",
    "bfloat16": "mixed_bfloat16",
    "float16": "mixed_float16",
}


@dataclasses.dataclass(frozen=True)
class Result:
    """A finished run.

    Attributes:
        model: The trained model.
        accuracy: Share of held-out images whose most probable class is right.
        seconds: Time spent in `model.fit`.
        workdir: Folder with `model.keras`, `history.csv`, `summary.json` and `curves.png`.
    """

    model: keras.Model
    accuracy: float
    seconds: float
    workdir: pathlib.Path


def train(architecture, dataset, recipe, workdir, *, weights=None, mixed_precision="none", seed=0):
    """Trains a network and writes what came of it.

    Args:
        architecture: A `keras_senet.architectures.Architecture`.
        dataset: A `keras_senet.data.Dataset`.
        recipe: A `Recipe`.
        workdir: Folder for the files, made if need be.
        weights: `None`, or a file to start from.
        mixed_precision: `"none"`, `"bfloat16"` or `"float16"`.
        seed: Seed of weights, order and augmentation.

    Returns:
        A `Result`.

    Raises:
        ValueError: If an argument is invalid.
        OSError: If the folder cannot be written.
    """
    if mixed_precision not in POLICIES:
        raise ValueError(
            f"Argument `mixed_precision` must be one of {tuple(POLICIES)}. "
            f"Received: {mixed_precision!r}"
        )
    if len(dataset.training) < recipe.batch_size:
        raise ValueError(
            f"A batch of {recipe.batch_size} is larger than the {len(dataset.training)} training "
            "images. Choose a smaller batch size."
        )
    workdir = pathlib.Path(workdir)
    workdir.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(seed)
    model = _build(architecture, dataset, recipe, weights, POLICIES[mixed_precision])
    steps = len(dataset.training) // recipe.batch_size
    _compile(model, recipe, steps)
    history_file = workdir / "history.csv"
    start = time.perf_counter()
    history = model.fit(
        dataset.train(recipe.batch_size // recipe.accumulation_steps, seed).map(
            _one_hot(len(dataset.class_names))
        ),
        epochs=recipe.epochs,
        steps_per_epoch=steps * recipe.accumulation_steps,
        shuffle=False,  # the stream has its own order
        validation_data=dataset.validation(recipe.batch_size).map(
            _one_hot(len(dataset.class_names))
        ),
        callbacks=[keras.callbacks.CSVLogger(f"{history_file}.part")],
    ).history
    seconds = time.perf_counter() - start
    os.replace(f"{history_file}.part", history_file)
    result = Result(model, history["val_accuracy"][-1], seconds, workdir)
    _write(result, architecture, dataset, recipe, history, mixed_precision, seed)
    return result


def _build(architecture, dataset, recipe, weights, policy):
    if recipe.dropout is not None:
        architecture = architecture.replace(dropout=recipe.dropout)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        size = dataset.image_size
        return architecture(
            weights=weights,
            input_shape=(size, size, 3),
            classes=len(dataset.class_names),
            classifier_activation=recipe.activation,
        )
    finally:
        keras.config.set_dtype_policy(before)


def _compile(model, recipe, steps):
    model.compile(optimizer(recipe, steps), loss(recipe), metrics=["accuracy"])


def _one_hot(classes):
    import tensorflow as tf

    return lambda image, label: (image, tf.one_hot(label, classes))


def _write(result, architecture, dataset, recipe, history, mixed_precision, seed):
    workdir = result.workdir
    # Without the optimizer, so that the file loads after `import keras_senet` alone.
    model = keras.Model(result.model.inputs, result.model.outputs, name=result.model.name)
    partial = workdir / "model.part.keras"
    model.save(partial)
    os.replace(partial, workdir / "model.keras")
    plot_curves(history, workdir / "curves.png")
    summary = {
        "model": architecture.name,
        "parameters": sum(math.prod(weight.shape) for weight in model.trainable_weights),
        "held_out_accuracy": result.accuracy,
        "seconds": round(result.seconds, 1),
        "data": dataset.name,
        "classes": list(dataset.class_names),
        "training_images": len(dataset.training),
        "held_out_images": len(dataset.held_out),
        "image_size": dataset.image_size,
        "recipe": dataclasses.asdict(recipe),
        "mixed_precision": mixed_precision,
        "seed": seed,
        "versions": {"keras": keras.__version__, "backend": keras.backend.backend()},
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    partial = workdir / "summary.json.part"
    partial.write_text(json.dumps(summary, indent=2) + "\n")
    os.replace(partial, workdir / "summary.json")
