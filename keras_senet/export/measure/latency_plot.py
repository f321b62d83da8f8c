"""The latencies of files as a picture."""

import os
import pathlib
from collections.abc import Sequence

from keras_senet.export.measure.benchmark import Timing
from keras_senet.figures import COLOURS, empty_figure, save


def plot_latencies(
    rows: Sequence[Timing], path: str | os.PathLike, overwrite: bool = False
) -> pathlib.Path:
    """Draws one bar for each file and number of threads: the median, and a line to p90.

    Args:
        rows: What `benchmark` returned.
        path: The file to write, `.png`, `.svg` or `.pdf`.
        overwrite: Whether to replace what is there.

    Returns:
        The path, a `pathlib.Path`.

    Raises:
        FileExistsError, FileNotFoundError, PermissionError: See `path` and `overwrite`.
        ImportError: If matplotlib is not installed.

    Example:
        >>> model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten()])
        >>> path = keras_senet.export.to_tflite(model, "model.tflite")
        >>> rows = keras_senet.export.benchmark({"flattened": path}, threads=(1, 2))
        >>> plot_latencies(rows, "latency.png").name
        'latency.png'
    """
    names = list(dict.fromkeys(row.name for row in rows))
    counts = list(dict.fromkeys(row.threads for row in rows))
    height = 0.8 / len(counts)
    figure = empty_figure(8, 1.2 + 0.35 * len(rows))
    axes = figure.subplots()
    for number, count in enumerate(counts):
        chosen = [row for row in rows if row.threads == count]
        medians = [row.median_ms for row in chosen]
        places = [names.index(row.name) + number * height for row in chosen]
        axes.barh(
            places,
            medians,
            height,
            xerr=([0] * len(chosen), [row.p90_ms - row.median_ms for row in chosen]),
            color=COLOURS[number % len(COLOURS)],
            label=f"{count} thread{'s' * (count > 1)}",
        )
        for place, row in zip(places, chosen, strict=True):
            label = f"{row.median_ms:.1f} ms, {row.ratio:.3f} of the first"
            axes.annotate(
                label, (row.p90_ms, place), (5, 0), textcoords="offset points", va="center"
            )
    middle = height * (len(counts) - 1) / 2
    axes.set_yticks([place + middle for place in range(len(names))], names)
    axes.invert_yaxis()
    axes.set_xlabel("latency of one image in ms: median, line to the 90th percentile")
    axes.set_xlim(0, 1.45 * max(row.p90_ms for row in rows))
    axes.spines[["top", "right"]].set_visible(False)
    if len(counts) > 1:
        axes.legend(frameon=False, loc="lower right")
    save(figure, path, overwrite, dpi=150)
    return pathlib.Path(path)
