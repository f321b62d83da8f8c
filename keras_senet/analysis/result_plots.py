"""Figures of the search and of the ablations."""

from keras_senet.analysis.gates.plots import COLOURS, figure_of, legend


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
            axes.plot(
                *_points(pareto, value), color="black", lw=1, label="Pareto", drawstyle="steps-post"
            )
        axes.axhline(floor, color="gray", ls=":", label="least accuracy allowed")
        axes.set_xlabel(label)
        axes.set_ylabel("accuracy, %")
    legend(panels[0])
    figure.suptitle("SE blocks removed", fontsize=11)
    return figure


def _points(steps, value):
    return [value(step) for step in steps], [100 * step.accuracy for step in steps]


def ablation_errors(outcome):
    """Error of every row of an ablation, mean and spread over seeds, and the paper's beside it."""
    rows = outcome.ablation.rows
    figure, (ours, paper) = figure_of(2, height=1.6 + 0.3 * len(rows))
    places = range(len(rows))
    ours.errorbar(outcome.means, places, xerr=outcome.spreads, fmt="o", color=COLOURS[0], capsize=4,
                  label="mean and standard deviation")  # fmt: skip
    for place, errors in zip(places, outcome.errors, strict=True):
        label = "one seed" if place == 0 else None
        ours.plot(errors, [place] * len(errors), "|", color="black", markersize=9, label=label)
    ours.set_title("Our runs, held-out images", fontsize=11)
    paper.plot([row.top1 for row in rows], places, "s", color=COLOURS[1], label="paper, top-1")
    paper.set_title(f"Paper, table {outcome.ablation.number}: ImageNet", fontsize=11)
    for axes in (ours, paper):
        axes.set_yticks(places, [row.label for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel("error, %")
    legend(ours)
    return figure
