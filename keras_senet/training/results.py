"""The results of a run, and their files."""

import csv
import dataclasses
import datetime
import json
import math
import pathlib

import keras

from keras_senet.files import replacing
from keras_senet.training.evaluation import Evaluation

SIZES = ("training_images", "held_out_images", "test_images", "image_size", "view")


@dataclasses.dataclass(frozen=True)
class Result:
    """A finished run.

    Attributes:
        model: The trained model.
        accuracy: Share of held-out images whose most probable class is right.
        seconds: Time spent in training and validation, over all restarts.
        workdir: Folder with `model.keras`, `history.csv`, `summary.json`, `curves.png` and
            `checkpoints/`.
        test: The `Evaluation` of the data set's test split, or `None` without one.
        unreadable: Held-out images that could not be read and do not count: path to reason.
    """

    model: keras.Model
    accuracy: float
    seconds: float
    workdir: pathlib.Path
    test: Evaluation | None = None
    unreadable: dict = dataclasses.field(default_factory=dict)


def write_results(result, position, description, bad_images):
    """Writes `model.keras`, `history.csv`, `curves.png` and `summary.json`.

    Args:
        result: A `Result`.
        position: The `Position` at the end.
        description: The run's `state.describe`.
        bad_images: Images of any split that could not be read: path to reason.
    """
    workdir = result.workdir
    # Without the optimizer, so that the file loads after `import keras_senet` alone.
    model = keras.Model(result.model.inputs, result.model.outputs, name=result.model.name)
    with replacing(workdir / "model.keras") as partial:
        model.save(partial)
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
    with replacing(workdir / "summary.json") as partial:
        partial.write_text(json.dumps(summary, indent=2) + "\n")


def _test_figures(test):
    return {} if test is None else {"test_accuracy": test.top1, "test_top5": test.top5}


def write_history(rows, path):
    """Writes the metrics of every epoch as csv; a metric that an epoch lacks is left empty."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with replacing(path) as partial, open(partial, "w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)


def plot_curves(history, path):
    """Draws loss and accuracy over the epochs, of training and of held-out images.

    Args:
        history: Lists under `loss`, `val_loss`, `accuracy`, `val_accuracy`: a value for each epoch.
        path: The png file to write.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots(1, 2)
    panels = ((axes[0], "loss", "Loss (logarithmic)"), (axes[1], "accuracy", "Accuracy"))
    for axis, key, title in panels:
        epochs = range(1, len(history[key]) + 1)
        axis.plot(epochs, history[key], marker=".", color="#0072b2", label="training (augmented)")
        axis.plot(epochs, history[f"val_{key}"], marker=".", color="#d55e00", label="held out")
        axis.set_title(title)
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.3)
    axes[0].set_yscale("log")
    axes[1].set_ylim(top=1.005)
    axes[1].legend(loc="lower right")
    with replacing(path) as partial:
        FigureCanvasAgg(figure).print_png(partial)
