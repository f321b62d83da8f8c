"""The paper's figures of the role of excitation, and some more.

Every function returns a `matplotlib.figure.Figure`.
"""

import numpy as np

from keras_senet.analysis.gates.statistics import RANGES
from keras_senet.figures import COLOURS, figure_of, legend

STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
SAMPLED = 50  # channels drawn of each block, section 7.2 of the paper
CLASSES = 4  # classes drawn unless some are named; the paper has four as well


def class_means(excitations, block, classes=None):
    """Mean gate of 50 evenly spaced channels for some classes, and over all images (figure 6).

    Args:
        excitations: `Excitations`.
        block: Name of an SE block.
        classes: Names of classes; `None` for four, evenly spaced.
    """
    gates = excitations[block]
    channels = _sampled(gates)
    figure, axes = _figure(f"{block}: mean gate", "channel", "mean gate")
    _limit(axes, gates)
    for index, (name, row) in enumerate(_chosen(excitations, classes)):
        axes.plot(
            channels, gates.class_means[row, channels], label=name, linewidth=1.2, **_look(index)
        )
    axes.plot(channels, gates.mean[channels], color="black", linewidth=1.8, label="all")
    legend(axes)
    return figure


def class_spread(excitations, block, classes=None):
    """Mean gate and a band of one standard deviation over the images of a class (figure 7).

    Args:
        excitations: `Excitations`.
        block: Name of an SE block.
        classes: Names of classes; `None` for the first and last of those of `class_means`.
    """
    gates = excitations[block]
    channels = _sampled(gates)
    figure, axes = _figure(f"{block}: spread within a class", "channel", "gate, mean ± std")
    _limit(axes, gates)
    chosen = _chosen(excitations, classes)
    for index, (name, row) in enumerate(chosen if classes else chosen[:: max(1, len(chosen) - 1)]):
        mean = gates.class_means[row, channels]
        std = np.sqrt(gates.class_variances[row, channels])
        look = _look(index)
        axes.plot(channels, mean, label=name, linewidth=1.2, **look)
        axes.fill_between(channels, mean - std, mean + std, color=look["color"], alpha=0.25, lw=0)
    legend(axes)
    return figure


def divergence(excitations):
    """How far classes differ, and images of one class, block by block, with the means of stages."""
    blocks = excitations.blocks
    figure, axes = _figure("Class divergence by depth", "SE block", "standard deviation of gates")
    depths = np.arange(1, len(blocks) + 1)
    across = np.array([block.divergence for block in blocks])
    axes.plot(depths, across, marker="o", label="between classes", **_look(0))
    within = [block.spread for block in blocks]
    axes.plot(depths, within, marker="s", label="within classes", **_look(1))
    for stage, indices in _stages(blocks).items():
        ends = (depths[indices[0]] - 0.4, depths[indices[-1]] + 0.4)
        label = "stage mean" if indices[0] == 0 else None
        axes.hlines(across[indices].mean(), *ends, color="black", lw=1, label=label)
        if stage != "-":
            axes.axvspan(*ends, color="black", alpha=0.05, lw=0)
            axes.text(np.mean(ends), 1.0, stage, transform=axes.get_xaxis_transform(),
                      ha="center", va="bottom", fontsize=9)  # fmt: skip
    axes.set_title(axes.get_title(), pad=20)
    axes.set_ylim(bottom=0)
    _depths(axes, depths)
    legend(axes)
    return figure


def saturation(excitations):
    """Shares of gates near the ends of their range, and of constant ones, by depth."""
    blocks = excitations.blocks
    figure, axes = _figure("Saturated and constant gates", "SE block", "share of gates, %")
    depths = np.arange(1, len(blocks) + 1)
    low, high = 100 * np.array([block.saturated for block in blocks]).T
    constant = [100 * block.constant().mean() for block in blocks]
    axes.bar(depths - 0.27, low, 0.27, color=COLOURS[0], label="near low")
    axes.bar(depths, high, 0.27, color=COLOURS[1], hatch="//", edgecolor="white", lw=0,
             label="near high")  # fmt: skip
    axes.bar(depths + 0.27, constant, 0.27, color=COLOURS[2], hatch="..", edgecolor="white", lw=0,
             label="constant")  # fmt: skip
    axes.set_ylim(0, 100)
    _depths(axes, depths)
    legend(axes)
    return figure


def gamma(excitations):
    """Mean gate of every channel against the size of its gamma in the normalization before.

    Raises:
        ValueError: If no block follows a batch normalization.
    """
    blocks = [block for block in excitations.blocks if block.gamma is not None]
    if not blocks:
        raise ValueError(
            "No SE block follows a batch normalization directly, so there is no gamma to compare "
            "its gates with."
        )
    figure, axes = _figure("Gates and the normalization before", "|gamma|", "mean gate")
    markers = "os^Dv*"
    stages = _stages(blocks)
    for index, (stage, indices) in enumerate(stages.items()):
        sizes = np.concatenate([np.abs(blocks[i].gamma) for i in indices])
        means = np.concatenate([blocks[i].mean for i in indices])
        correlation = np.corrcoef(sizes, means)[0, 1] if np.ptp(sizes) and np.ptp(means) else 0.0
        label = f"{stage if stage != '-' else 'all blocks'} (r = {correlation:+.2f})"
        axes.scatter(sizes, means, s=12, color=COLOURS[index % len(COLOURS)],
                     marker=markers[index % len(markers)],
                     label=label, alpha=0.6, linewidths=0)  # fmt: skip
    _limit(axes, blocks[0])
    legend(axes)
    return figure


def _figure(title, xlabel, ylabel):
    figure, (axes,) = figure_of(1)
    axes.set_title(title, fontsize=11)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    return figure, axes


def _look(index):
    return {"color": COLOURS[index % len(COLOURS)], "linestyle": STYLES[index % len(STYLES)]}


def _limit(axes, gates):
    low, high = RANGES[gates.gate]
    high = max(high, float(gates.maximum.max())) if gates.gate == "relu" else high
    margin = 0.03 * (high - low)
    axes.set_ylim(low - margin, high + margin)


def _depths(axes, depths):
    from matplotlib.ticker import MaxNLocator

    axes.set_xlim(depths[0] - 0.6, depths[-1] + 0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _sampled(gates):
    return np.linspace(0, gates.channels - 1, min(SAMPLED, gates.channels)).round().astype(int)


def _stages(blocks):
    """Indices of the blocks of each stage."""
    stages = {}
    for index, block in enumerate(blocks):
        stages.setdefault(block.stage, []).append(index)
    return stages


def _chosen(excitations, classes):
    """Pairs of the name and the row of a class."""
    names = list(excitations.classes)
    if classes is None:
        rows = np.linspace(0, len(names) - 1, min(CLASSES, len(names))).round().astype(int)
        return [(names[row], row) for row in rows]
    for name in classes:
        if name not in names:
            raise ValueError(f"No class {name!r}. Classes: {', '.join(names[:20])}")
    return [(name, names.index(name)) for name in classes]
