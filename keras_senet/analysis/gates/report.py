"""Excitations as one HTML file that needs nothing else: no network, no scripts."""

import base64
import html
import io
import os
import pathlib
from collections.abc import Sequence

from keras_senet.analysis.gates import plots
from keras_senet.analysis.gates.excitation import Excitations
from keras_senet.analysis.gates.statistics import CONSTANT, EDGE
from keras_senet.files import replacing

MOST_BLOCKS = 6  # shown one by one, as many as in the paper's figure

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 0 auto;
  max-width: 1200px; padding: 0 16px 48px; }
h1 { font-size: 1.6em; line-height: 1.2; overflow-wrap: anywhere; }
h2 { font-size: 1.2em; margin-top: 2em; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr));
  gap: 16px; }
figure { margin: 0; } img { width: 100%; height: auto; display: block; }
.table { overflow-x: auto; } table { border-collapse: collapse; font-size: 0.9em; }
th, td { padding: 4px 10px; text-align: right; white-space: nowrap;
  border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
"""

SUMMARY = f"""Divergence is the standard deviation of the class means, spread that over the images
of one class, both root mean squares over the channels. Near low and near high are the shares of
gates in the lowest and highest {EDGE:.0%} of their range, constant is the share of channels whose
standard deviation over all images is below {CONSTANT:g}."""


def write_report(
    excitations: Excitations, path: str | os.PathLike, classes: Sequence[str] | None = None
) -> pathlib.Path:
    """Writes the report: a table of all blocks, and the figures.

    Args:
        excitations: `Excitations`.
        path: The `.html` file to write or replace.
        classes: Names of classes to draw; `None` for four, evenly spaced.

    Returns:
        The path, a `pathlib.Path`.
    """
    title = f"Excitations of {excitations.model}"
    body = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p>{excitations.images:,} images, {len(excitations.classes):,} classes, "
        f"{len(excitations.blocks)} SE blocks.</p>",
        f"<h2>All blocks</h2><p>{SUMMARY}</p>",
        _table(excitations.rows()),
    ]
    for heading, figures in report_figures(excitations, classes).items():
        images = "".join(f"<figure>{_image(figure)}</figure>" for figure in figures.values())
        body.append(f'<h2>{heading}</h2><div class="figures">{images}</div>')
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # Without an icon here the browser asks the server for one.
        '<link rel="icon" href="data:,">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head>"
        f"<body>{''.join(body)}</body></html>\n"
    )
    with replacing(path) as partial:
        partial.write_text(page, encoding="utf-8")
    return pathlib.Path(path)


def report_figures(excitations, classes=None):
    """All figures of the report.

    Args:
        excitations: `Excitations`.
        classes: Names of classes to draw; `None` for four, evenly spaced.

    Returns:
        A dictionary from each heading to its figures, a dictionary by name.
    """
    by_depth = {
        "divergence": plots.divergence(excitations),
        "saturation": plots.saturation(excitations),
    }
    if any(block.gamma is not None for block in excitations.blocks):
        by_depth["gamma"] = plots.gamma(excitations)
    blocks = shown_blocks(excitations)
    return {
        "By depth": by_depth,
        "Mean gates by class": {
            f"means_{block}": plots.class_means(excitations, block, classes) for block in blocks
        },
        "Spread within classes": {
            f"spread_{block}": plots.class_spread(excitations, block, classes) for block in blocks
        },
    }


def shown_blocks(excitations):
    """Names of the blocks to show one by one, in order.

    As in the paper the last block of each stage and all blocks of the last stage, but at most six;
    in networks without stages as many blocks, evenly spaced.
    """
    names = [block.name for block in excitations.blocks]
    stages = [block.stage for block in excitations.blocks]
    ends = [i for i in range(len(names) - 1) if stages[i] != stages[i + 1]]
    lasts = [i for i in range(len(names)) if stages[i] == stages[-1]]
    room = max(1, MOST_BLOCKS - len(ends))
    if not ends:
        ends, room = [], MOST_BLOCKS
    step = max(1, -(-len(lasts) // room))
    # Counted from the end, so that the very last block is shown.
    chosen = sorted({*ends, *lasts[::-1][::step]})
    return [names[index] for index in chosen]


def _table(rows):
    header, *others = ([html.escape(cell) for cell in row] for row in rows)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in others)
    head = "".join(f"<th>{cell}</th>" for cell in header)
    return f'<div class="table"><table><tr>{head}</tr>{lines}</table></div>'


def _image(figure):
    """The figure as an `img`: the ids inside two svg figures of one page would clash."""
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    title = figure.axes[0].get_title()
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="{html.escape(title)}" src="data:image/svg+xml;base64,{data}">'
