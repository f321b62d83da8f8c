"""The files that a finished run leaves."""

import datetime
import json
import math
import os

import keras

from keras_senet.training.curves import plot_curves
from keras_senet.training.saving import write_history

SIZES = ("training_images", "held_out_images", "test_images", "image_size", "view")


def write_results(result, position, description, bad_images):
    """Writes `model.keras`, `history.csv`, `curves.png` and `summary.json`.

    Args:
        result: A `Result`.
        position: The `Position` at the end.
        description: What the run was, as `state.describe` says.
        bad_images: Reasons why images could not be read, under their paths.
    """
    workdir = result.workdir
    # Without the optimizer, so that the file loads after `import keras_senet` alone.
    model = keras.Model(result.model.inputs, result.model.outputs, name=result.model.name)
    partial = workdir / "model.part.keras"
    model.save(partial)
    os.replace(partial, workdir / "model.keras")
    rows = position.rows
    write_history(rows, workdir / "history.csv")
    plot_curves({name: [row[name] for row in rows] for name in rows[0]}, workdir / "curves.png")
    best = max(rows, key=lambda row: row["val_accuracy"])
    data = description["data"]
    summary = {
        "model": result.model.name,
        "parameters": sum(math.prod(weight.shape) for weight in model.trainable_weights),
        "held_out_accuracy": result.accuracy,
        **_test_figures(result.test),
        "best_epoch": best["epoch"],
        "best_held_out_accuracy": best["val_accuracy"],
        "best_checkpoint_step": position.best_step,
        "seconds": round(result.seconds, 1),
        "data": data["name"],
        "classes": data["class_names"],
        **{name: data[name] for name in SIZES if name in data},
        "bad_images": dict(bad_images),
        "held_out_unreadable": len(result.unreadable),
        "recipe": description["recipe"],
        "precision": description["precision"],
        "seed": description["seed"],
        "versions": {"keras": keras.__version__, "backend": keras.backend.backend()},
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    partial = workdir / "summary.json.part"
    partial.write_text(json.dumps(summary, indent=2) + "\n")
    os.replace(partial, workdir / "summary.json")


def _test_figures(test):
    return {} if test is None else {"test_accuracy": test.top1, "test_top5": test.top5}
