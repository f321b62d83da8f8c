"""The results of a run, and their files."""

import csv
import dataclasses
import datetime
import json
import math
import pathlib

import keras
import numpy as np

from keras_senet.files import replacing
from keras_senet.training.evaluation import Evaluation
from keras_senet.training.label_evaluation import MultiLabelEvaluation

SIZES = ("training_images", "held_out_images", "test_images", "image_size", "view")


@dataclasses.dataclass(frozen=True)
class Result:
    """A finished run.

    Attributes:
        model: The trained model.
        accuracy: Share of held-out images whose most probable class is right; of which all labels
            are right, where an image has any number.
        seconds: Time spent in training and validation, over all restarts.
        workdir: Folder with `model.keras`, `history.csv`, `summary.json`, `curves.png` and
            `checkpoints/`.
        test: What `evaluate` finds on the data set's test split, or `None` without one.
        unreadable: Held-out images that could not be read and do not count: path to reason.
        mean_average_precision: That of the labels on held-out images, where an image has any number
            of them, else `None`.
    """

    model: keras.Model
    accuracy: float
    seconds: float
    workdir: pathlib.Path
    test: Evaluation | MultiLabelEvaluation | None = None
    unreadable: dict = dataclasses.field(default_factory=dict)
    mean_average_precision: float | None = None


def write_curves(rows, workdir, judged="accuracy"):
    """Writes `history.csv` and `curves.png`.

    Args:
        rows: Metrics of every epoch.
        workdir: Folder of the run.
        judged: Name of the metric drawn beside the loss, see `judged_by`.
    """
    write_history(rows, workdir / "history.csv")
    names = ("loss", "val_loss", judged, f"val_{judged}")
    plot_curves({name: [row[name] for row in rows] for name in names}, workdir / "curves.png")


def write_summary(result, position, description, bad_images, judged="accuracy", evaluation=None):
    """Writes `summary.json`.

    Args:
        result: A `Result`.
        position: The `Position` at the end.
        description: The `description` of the run's `Identity`.
        bad_images: Images of any split that could not be read: path to reason.
        judged: Name of the metric that the best epoch has most of, see `judged_by`.
        evaluation: What `evaluate` found on held-out images, or `None` where nobody asked it.
    """
    rows, data = position.rows, description["data"]
    best = max(rows, key=lambda row: row[f"val_{judged}"])
    summary = {
        "model": result.model.name,
        "parameters": _parameters(result.model),
        **_held_out_figures(result, evaluation),
        **_test_figures(result.test),
        "best_epoch": best["epoch"],
        f"best_held_out_{judged}": best[f"val_{judged}"],
        "best_checkpoint_step": position.best_step,
        "seconds": round(result.seconds, 1),
        "data": data["name"],
        "source": data["source"],
        "division": data["division"],
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
    with replacing(result.workdir / "summary.json") as partial:
        partial.write_text(json.dumps(summary, indent=2) + "\n")


def _parameters(model):
    """Number of weights that an optimizer moves, or would if their layers were not frozen."""
    return sum(
        math.prod(weight.shape) for weight in model.weights if not weight.name.startswith("moving")
    )


def _held_out_figures(result, evaluation):
    if result.mean_average_precision is None:
        return {"held_out_accuracy": result.accuracy}
    figures = {
        "held_out_mean_average_precision": result.mean_average_precision,
        "held_out_exact_match": result.accuracy,
    }
    return figures if evaluation is None else {**figures, "labels": evaluation.labels()}


def _test_figures(test):
    if test is None:
        return {}
    if isinstance(test, MultiLabelEvaluation):
        return {
            "test_mean_average_precision": test.mean_average_precision,
            "test_exact_match": test.exact_match,
            "test_labels": test.labels(),
        }
    return {"test_accuracy": test.top1, "test_top5": test.top5}


def write_history(rows, path):
    """Writes the metrics of every epoch as csv; what a dictionary of `rows` lacks stays empty."""
    names = dict.fromkeys(name for row in rows for name in row)
    with replacing(path) as partial, open(partial, "w", newline="") as file:
        writer = csv.DictWriter(file, list(names))
        writer.writeheader()
        writer.writerows(rows)


def plot_curves(history, path):
    """Draws loss and another metric over the epochs, of training and of held-out images.

    Args:
        history: Lists of a value for each epoch under `loss`, `val_loss`, then under the name of
            another metric, such as `accuracy`, and the same with `val_`.
        path: The png file to write.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, NullFormatter

    judged = next(name for name in history if name not in ("loss", "val_loss"))
    best = int(np.argmax(history[f"val_{judged}"])) + 1
    figure = Figure(figsize=(9, 3.9), layout="constrained")
    axes = figure.subplots(1, 2)
    title = judged.replace("_", " ").capitalize()
    panels = ((axes[0], "loss", "Loss (logarithmic)"), (axes[1], judged, title))
    for axis, key, title in panels:
        epochs = range(1, len(history[key]) + 1)
        axis.plot(epochs, history[key], marker=".", color="#0072b2", label="training (augmented)")
        axis.plot(epochs, history[f"val_{key}"], marker=".", color="#d55e00", label="held out")
        label = f"best epoch: {best}, {history[f'val_{judged}'][best - 1]:.2%}"
        axis.axvline(best, color="#666666", linestyle=":", linewidth=1.2, zorder=0, label=label)
        axis.set_title(title)
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.3)
    axes[0].set_yscale("log")
    least, most = axes[0].get_ylim()
    axes[0].yaxis.set_major_formatter("{x:g}")  # 0.1, not a power
    axes[0].yaxis.set_minor_formatter("{x:g}" if most < 5 * least else NullFormatter())
    axes[1].set_ylim(top=1.005)
    # Below the panels, where no curve is.
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    with replacing(path) as partial:
        FigureCanvasAgg(figure).print_png(partial)
