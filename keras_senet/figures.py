"""Figures: their colours, panels and legend, and how they become files."""

from keras_senet.extras import needed
from keras_senet.files import replacing

# Okabe and Ito's, which colour-blind readers can tell apart.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def empty_figure(width, height):
    """A `matplotlib.figure.Figure` without axes.

    Args:
        width: In inches.
        height: In inches.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    matplotlib = needed("matplotlib.figure", "analysis", "A plot")
    return matplotlib.Figure(figsize=(width, height), layout="constrained")


def figure_of(panels, height=3.6):
    """A figure and its axes, one or two side by side, `height` inches high."""
    figure = empty_figure(4.6 if panels == 1 else 8.6, height)
    axes = figure.subplots(1, panels, squeeze=False)[0]
    for one in axes:
        one.grid(alpha=0.3)
        one.set_axisbelow(True)
    return figure, axes


def legend(axes):
    """Draws a legend below the axes, where it hides nothing."""
    handles, labels = axes.get_legend_handles_labels()
    columns = len(labels) if sum(map(len, labels)) < 24 else 3 if max(map(len, labels)) < 18 else 2
    axes.figure.legend(
        handles, labels, loc="outside lower center", ncols=columns, fontsize=9, frameon=False
    )


def save(figure, path, overwrite=True, dpi=200):
    """Writes a figure to a .png, .svg or .pdf file, which appears whole."""
    with replacing(path, overwrite) as partial:
        # An svg file says when it was made, unless it is told not to.
        metadata = {"Date": None} if partial.suffix == ".svg" else None
        figure.savefig(partial, dpi=dpi, metadata=metadata)
