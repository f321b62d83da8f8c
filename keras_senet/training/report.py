"""The report of a run: one HTML page that needs no other file."""

import base64
import csv
import html
import json
import os
import pathlib

import numpy as np

from keras_senet.files import replacing
from keras_senet.training.evaluation import Evaluation
from keras_senet.training.label_evaluation import FIGURES, MultiLabelEvaluation

WORST = 10  # classes shown with those that they are mistaken for
MISTAKES = 3  # such classes shown for each
LISTED = 2000  # classes or labels shown with their accuracy

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; overflow-wrap: anywhere; } h2 { margin-top: 2rem; font-size: 1.2rem; }
table { border-collapse: collapse; } td, th { padding: 0.2rem 0.8rem 0.2rem 0; text-align: left; }
td { overflow-wrap: anywhere; vertical-align: top; min-width: 3rem; }
tr { border-bottom: 1px solid #ddd; } .number { text-align: right; }
.wide { overflow-x: auto; } .wide td { overflow-wrap: normal; }
@media (max-width: 30rem) { .wide { font-size: 0.8rem; } td, th { padding-right: 0.5rem; }
.wide td { min-width: 0; } }
.figures { display: flex; flex-wrap: wrap; gap: 1rem 3rem; margin: 1.5rem 0; }
.figures b { display: block; font-size: 2rem; line-height: 1.2; }
.bar { background: #0072b2; height: 0.7rem; }
.track { background: #eee; width: 20vw; max-width: 12rem; margin-top: 0.4rem; }
img { max-width: 100%; } .muted { color: #666; } .columns { columns: 18rem; }
"""


LONG = ("classes", "labels", "test_labels")  # of the summary, shown elsewhere


class _Markup(str):
    """HTML, which is not escaped as other text is."""


def write_report(
    workdir: str | os.PathLike,
    evaluation: Evaluation | MultiLabelEvaluation,
    test: Evaluation | MultiLabelEvaluation | None = None,
) -> pathlib.Path:
    """Writes `report.html` beside the files of a finished run.

    The page holds figures, curves, the worst classes with those that they are mistaken for, the
    accuracy of every class, the recipe and the versions; where an image has any number of labels,
    the figures of each. It loads nothing from a network.

    Args:
        workdir: Folder of the run with `summary.json`, `history.csv` and `curves.png`.
        evaluation: What `evaluate` found of its model.
        test: The same on a test split, if there is one.

    Returns:
        The path of the page.

    Raises:
        FileNotFoundError: If one of the three files is missing.

    Example:
        >>> from keras_senet import data, training
        >>> model = keras.models.load_model("runs/digits/model.keras")  # doctest: +SKIP
        >>> found = training.evaluate(model, data.load("digits"), 64)  # doctest: +SKIP
        >>> write_report("runs/digits", found)  # doctest: +SKIP
    """
    workdir = pathlib.Path(workdir)
    summary = json.loads((workdir / "summary.json").read_text())
    with open(workdir / "history.csv") as file:
        history = list(csv.DictReader(file))
    curves = base64.b64encode((workdir / "curves.png").read_bytes()).decode()
    recipe = summary.pop("recipe")
    title = f"{summary['model']} on {summary['data']}"
    page = [
        f"<h1>{html.escape(title)}</h1>",
        f'<p class="muted">Recipe {html.escape(str(recipe["name"]))}, {len(history)} epochs.</p>',
        _figures(evaluation, test),
        f'<h2>Curves</h2><img alt="Loss and accuracy" src="data:image/png;base64,{curves}">',
        *_parts(evaluation),
        f"<h2>Recipe</h2>{_pairs(recipe)}",
        f"<h2>Run</h2>{_pairs({k: v for k, v in summary.items() if k not in LONG})}",
        f"<h2>Epochs</h2>{_epochs(history)}",
    ]
    document = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style>{''.join(page)}</html>\n"
    )
    path = workdir / "report.html"
    with replacing(path) as partial:
        partial.write_text(document, encoding="utf-8")
    return path


def _figures(evaluation, test):
    figures = {**_shares(evaluation), "held-out images": f"{evaluation.images:,}"}
    if evaluation.unreadable:
        figures["unreadable, not judged"] = f"{len(evaluation.unreadable):,}"
    if test is not None:
        figures |= {f"{name}, test": share for name, share in _shares(test).items()}
        figures["test images"] = f"{test.images:,}"
    cells = "".join(f"<div><b>{value}</b>{name}</div>" for name, value in figures.items())
    return f'<div class="figures">{cells}</div>'


def _shares(evaluation):
    if isinstance(evaluation, MultiLabelEvaluation):
        return {
            "mean average precision": f"{evaluation.mean_average_precision:.2%}",
            "exact match": f"{evaluation.exact_match:.2%}",
        }
    return {
        "top-1 accuracy": f"{evaluation.top1:.2%}",
        "top-5 accuracy": f"{evaluation.top5:.2%}",
    }


def _parts(evaluation):
    """What the model does with each class, or each label."""
    if isinstance(evaluation, MultiLabelEvaluation):
        return [f"<h2>Labels</h2>{_labels(evaluation)}"]
    return [
        f"<h2>Worst classes</h2>{_worst(evaluation)}",
        f"<h2>All classes</h2>{_classes(evaluation)}",
    ]


def _labels(evaluation):
    header = ["label", "images", *(name.replace("_", " ") for name in FIGURES)]
    rows = [
        [
            label["label"],
            np.int64(label["images"]),
            *("none" if label[name] is None else f"{label[name]:.1%}" for name in FIGURES),
        ]
        for label in evaluation.labels()
    ]
    left = len(rows) - LISTED
    rest = f'<p class="muted">and {left:,} more labels</p>' if left > 0 else ""
    said = (
        "An image is said to have a label where its score is above 0.5; average precision is over "
        'all thresholds. "None" where a figure has no value: no image has the label, or none is '
        "said to have it."
    )
    table = f'<div class="wide">{_table(header, rows[:LISTED])}</div>'
    return f'<p class="muted">{said}</p>{table}{rest}'


def _worst(evaluation):
    accuracy, images = evaluation.class_accuracy, evaluation.class_images
    mistakes = evaluation.mistakes
    rows = []
    # NaN, a class without images, sorts last.
    for index in np.argsort(accuracy, kind="stable")[:WORST]:
        if np.isnan(accuracy[index]):
            continue
        taken_for = [
            f"{evaluation.class_names[other]} ({count})"
            for _, other, count in mistakes[mistakes[:, 0] == index][:MISTAKES]
        ]
        share = f"{accuracy[index]:.1%}"
        bar = _Markup(f'<div class="track"><div class="bar" style="width:{share}"></div></div>')
        rows.append([evaluation.class_names[index], bar, share, images[index], taken_for])
    return _table(["class", "", "accuracy", "images", "taken for"], rows)


def _classes(evaluation):
    shares = evaluation.class_accuracy
    items = "".join(
        f"<div>{html.escape(name)} "
        f'<span class="muted">{"no images" if np.isnan(share) else f"{share:.1%}"}</span></div>'
        for name, share in zip(evaluation.class_names[:LISTED], shares, strict=False)
    )
    left = len(shares) - LISTED
    rest = f'<p class="muted">and {left:,} more classes</p>' if left > 0 else ""
    return f'<div class="columns">{items}</div>{rest}'


def _pairs(values):
    return _table(["field", "value"], [[name, value] for name, value in values.items()])


def _epochs(history):
    names = list(history[0])
    rows = [[row[name] for name in names] for row in history]
    table = f'<div class="wide">{_table(names, rows)}</div>'
    return f"<details><summary>Every epoch</summary>{table}</details>"


def _table(header, rows):
    head = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value):
    if isinstance(value, _Markup):
        return f"<td>{value}</td>"
    if isinstance(value, dict):
        value = [f"{name} {item}" for name, item in value.items()]
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value)) or "none"
    kind = ' class="number"' if isinstance(value, np.integer) else ""
    return f"<td{kind}>{html.escape(str(value))}</td>"
