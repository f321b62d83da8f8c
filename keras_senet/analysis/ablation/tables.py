"""The paper's ablations as values, and the errors that our runs of them had."""

import dataclasses
import math
import statistics

from keras_senet.analysis.costs.paper import ablated
from keras_senet.analysis.output import aligned, write_csv
from keras_senet.architectures import AttentionConfig, ECAConfig, ESEConfig, SCSEConfig
from keras_senet.figures import COLOURS, figure_of, legend, save


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        label: Name of the row in the paper.
        se: The SE design or one of its kin, `None` for the network without.
        top1: The paper's top-1 error of ResNet-50 on ImageNet, in %; `None` where it has none.
        top5: Top-5 error, in %, or `None`.
    """

    label: str
    se: AttentionConfig | None
    top1: float | None = None
    top5: float | None = None


@dataclasses.dataclass(frozen=True)
class Ablation:
    """A table of the paper, https://arxiv.org/abs/1709.01507v4, section 6, or one in its manner.

    Attributes:
        name: Name of the property that it varies.
        number: Numbers of the tables in the paper that its figures are from.
        rows: Its lines.
    """

    name: str
    number: str
    rows: tuple[Row, ...]


REDUCTION = Ablation(
    "reduction",
    "10",
    (
        Row("r = 2", ablated(reduction=2), 22.29, 6.00),
        Row("r = 4", ablated(reduction=4), 22.25, 6.09),
        Row("r = 8", ablated(reduction=8), 22.26, 5.99),
        Row("r = 16", ablated(), 22.28, 6.03),
        Row("r = 32", ablated(reduction=32), 22.72, 6.20),
        Row("no SE", None, 23.30, 6.55),
    ),
)
SQUEEZE = Ablation(
    "squeeze",
    "11",
    (Row("max", ablated(squeeze="max"), 22.57, 6.09), Row("average", ablated(), 22.28, 6.03)),
)
GATE = Ablation(
    "gate",
    "12",
    (
        Row("ReLU", ablated(gate="relu"), 23.47, 6.98),
        Row("tanh", ablated(gate="tanh"), 23.00, 6.38),
        Row("sigmoid", ablated(), 22.28, 6.03),
    ),
)
STAGES = Ablation(
    "stages",
    "13",
    (
        Row("no SE", None, 23.30, 6.55),
        Row("stage 2", ablated(stages=(2,)), 23.03, 6.48),
        Row("stage 3", ablated(stages=(3,)), 23.04, 6.32),
        Row("stage 4", ablated(stages=(4,)), 22.68, 6.22),
        Row("all stages", ablated(), 22.28, 6.03),
    ),
)
PLACEMENT = Ablation(
    "placement",
    "14, 15",
    (
        Row("standard", ablated(), 22.28, 6.03),
        Row("pre", ablated(placement="pre"), 22.23, 6.00),
        Row("post", ablated(placement="post"), 22.78, 6.35),
        Row("identity", ablated(placement="identity"), 22.20, 6.15),
        Row("3x3", ablated(placement="3x3"), 22.48, 6.02),
    ),
)
# Not of the paper: SE beside its kin, each as its authors have it. Their papers trained otherwise.
ATTENTION = Ablation(
    "attention",
    "10",
    (
        Row("none", None, 23.30, 6.55),
        Row("SE", ablated(), 22.28, 6.03),
        Row("ECA", ECAConfig()),
        Row("eSE", ESEConfig()),
        Row("scSE", SCSEConfig()),
    ),
)
ABLATIONS = (REDUCTION, SQUEEZE, GATE, STAGES, PLACEMENT, ATTENTION)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A table with the errors that our runs had.

    Attributes:
        ablation: The table.
        errors: Held-out error in % of each seed, for each row; NaN if it diverged.
        parameters: Trainable parameters of each row's network.
    """

    ablation: Ablation
    errors: tuple[tuple[float, ...], ...]
    parameters: tuple[int, ...]

    @property
    def diverged(self):
        """How many seeds of each row diverged: means and spreads are those of the others."""
        return tuple(sum(map(math.isnan, errors)) for errors in self.errors)

    @property
    def means(self):
        """Mean error of each row, in %; NaN if all seeds diverged."""
        return tuple(statistics.fmean(errors) if errors else math.nan for errors in self._finite)

    @property
    def spreads(self):
        """Standard deviation over the seeds of each row, in points; 0 for one seed."""
        return tuple(statistics.stdev(e) if len(e) > 1 else 0.0 for e in self._finite)

    @property
    def _finite(self):
        return [[error for error in errors if not math.isnan(error)] for errors in self.errors]

    def to_csv(self, path):
        """Writes one line for each row."""
        columns = zip(
            self.ablation.rows,
            self.means,
            self.spreads,
            self.diverged,
            self.errors,
            self.parameters,
            strict=True,
        )
        write_csv(
            path,
            [
                {
                    "row": row.label,
                    "error": round(mean, 4),
                    "std": round(spread, 4),
                    "diverged": diverged,
                    "errors": " ".join(f"{error:.4f}" for error in errors),
                    "parameters": parameters,
                    "paper_top1": row.top1,
                    "paper_top5": row.top5,
                }
                for row, mean, spread, diverged, errors, parameters in columns
            ],
        )

    def plot(self, path):
        """Draws the error of each row with the paper's beside it, to a png or svg file."""
        save(_figure(self), path)

    def __str__(self):
        header = (f"{self.ablation.name}: error, %", "mean", "std", "diverged", "parameters")
        columns = (self.means, self.spreads, self.diverged, self.parameters)
        lines = zip(self.ablation.rows, *columns, strict=True)
        rows = [
            (
                row.label,
                f"{mean:.2f}",
                f"{spread:.2f}",
                str(diverged),
                f"{count:,}",
                "-" if row.top1 is None else f"{row.top1:.2f}",
                "-" if row.top5 is None else f"{row.top5:.2f}",
            )
            for row, mean, spread, diverged, count in lines
        ]
        return aligned([(*header, "paper top-1", "top-5"), *rows])


def _figure(outcome):
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
    printed = [math.nan if row.top1 is None else row.top1 for row in rows]
    paper.plot(printed, places, "s", color=COLOURS[1], label="paper, top-1")
    paper.set_title(f"Paper, table {outcome.ablation.number}: ImageNet", fontsize=11)
    for axes in (ours, paper):
        axes.set_yticks(places, [row.label for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel("error, %")
    legend(ours)
    return figure
