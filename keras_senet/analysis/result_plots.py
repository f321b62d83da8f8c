"""Figures of the search and of the ablations."""

from keras_senet.analysis.plots import COLOURS, figure_of, legend


def trade_off(search):
    """Accuracy of every network that `search` tried, over its parameters and latency."""
    axes_of = {"parameters, thousands": lambda step: step.parameters / 1e3}
    if search.steps[0].latency_ms is not None:
        axes_of["latency of one image, ms"] = lambda step: step.latency_ms
    figure, panels = figure_of(len(axes_of))
    floor = 100 * search.steps[0].accuracy - search.max_accuracy_drop
    for axes, (label, value) in zip(panels, axes_of.items(), strict=True):
        steps = [step for step in search.steps if value(step) is not None]
        kinds = (
            ("all SE blocks", "*", "black", steps[:1]),
            ("accepted", "o", COLOURS[0], [s for s in steps[1:] if s.accepted]),
            ("refused", "x", COLOURS[1], [s for s in steps if not s.accepted]),
        )
        for name, marker, colour, members in kinds:
            if members:
                axes.plot(*_points(members, value), marker, color=colour, label=name, zorder=3)
        if value is axes_of["parameters, thousands"]:
            pareto = sorted(search.pareto, key=lambda step: step.parameters)
            axes.plot(*_points(pareto, value), color="black", lw=1, label="Pareto", drawstyle="steps-post")
        axes.axhline(floor, color="gray", ls=":", label="least accuracy allowed")
        axes.set_xlabel(label)
        axes.set_ylabel("accuracy, %")
    legend(panels[0])
    figure.suptitle("SE blocks removed", fontsize=11)
    return figure


def _points(steps, value):
    return [value(step) for step in steps], [100 * step.accuracy for step in steps]
