"""Writes choosing.md and its plot: `python docs/generate_choosing.py`."""

import json
import pathlib

from keras_senet import figures

DOCS = pathlib.Path(__file__).parent
RESULT = DOCS.parent / "benchmarks" / "results" / "choosing.json"
PAGE, PLOT = DOCS / "choosing.md", DOCS / "images" / "choosing.svg"
HEAD = """# Which network should I take?

Made by `python docs/generate_choosing.py` from what `benchmarks/choosing.py` measured. Top-1 is the
published accuracy on ImageNet, in percent, of the best public weights of each network and image
size ([all weight sets](weight_sets.md)); none was measured with this package. A star marks weights
that may not be used commercially. Latencies are of one image in LiteRT on one thread of {machine},
{date}: medians of {runs} rounds in turns with the reference, `{reference}` in float32, whose
median of {reference_ms:.0f} ms turns ratios into milliseconds; in brackets the quartiles. Weights
were random, which changes neither latencies nor sizes; whether int8 keeps the accuracy of trained
weights is for [`verify`](export.md) to say, on your images.

![Published accuracy against latency in LiteRT](images/choosing.svg)

Of the networks timed, no faster one is as accurate as these in float32: {best_float32}.

And in int8: {best_int8}.

Differences within the quartiles mean nothing.
Processors differ: on yours, `keras-senet benchmark` times your files. MACs alone mislead: one
of a depthwise convolution takes longer than one of a dense convolution. This processor has AVX2
and no VNNI: where there are instructions for dot products of int8, expect int8 to gain more.

## All networks with public weights

By multiply-adds (MACs). Timed are the {timed} networks of up to {limit:g} G and the reference. The
others have a dash: to export and time one takes half a minute and more, growing with its size, and
`python benchmarks/choosing.py --files=FOLDER --most_gmacs=20` adds them. Names in lower case are
timm's: `weights=` changes fields of the network that [its row](weight_sets.md) names.

| network | image | top-1 | weights | MACs | parameters | float32 ms | int8 ms | MB | int8 MB |
|---|---|---|---|---|---|---|---|---|---|
"""
NAMED_APART = 0.3  # points of accuracy
KINDS = {"float32": figures.COLOURS[0], "int8": figures.COLOURS[1]}


def pareto(rows, kind):
    """The rows that no faster row is as accurate as, from the fastest."""
    best = []
    for row in sorted(timed(rows), key=lambda row: (row[f"{kind}_ms"], -row["top1"])):
        if not best or row["top1"] > best[-1]["top1"]:
            best.append(row)
    return best


def timed(rows):
    """The rows that have latencies."""
    return [row for row in rows if "int8_ms" in row]


def page(record):
    """The whole text."""
    rows = record["rows"]
    (reference,) = (r for r in rows if r["network"] == record["reference"] and r["size"] == 224)
    head = HEAD.format(
        machine=record["machine"]["processor"],
        date=record["date"].split()[0],
        runs=record["runs"],
        reference=record["reference"],
        reference_ms=reference["float32_ms"],
        limit=record["most_gmacs"],
        timed=len(timed(rows)) - 1,
        **{f"best_{kind}": _sentence(pareto(rows, kind)) for kind in KINDS},
    )
    return head + "\n".join(map(_line, rows)) + "\n"


def _sentence(rows):
    return ", ".join(f"`{row['network']}` at {row['size']} ({row['top1']:.2f})" for row in rows)


def _line(row):
    star = "*" if "non-commercial" in row["licence"] else ""
    measured = ("-",) * 4
    if "int8_ms" in row:
        measured = (
            *(_milliseconds(row, kind) for kind in KINDS),
            *(f"{row[f'{kind}_bytes'] / 1e6:.1f}" for kind in KINDS),
        )
    cells = (
        f"`{row['network']}`",
        f"{row['size']}",
        f"{row['top1']:.1f}{star}",
        f"`{row['weights']}`",
        f"{row['macs'] / 1e9:.2f} G",
        f"{row['parameters'] / 1e6:.1f} M",
        *measured,
    )
    return f"| {' | '.join(cells)} |"


def _milliseconds(row, kind):
    median = row[f"{kind}_ms"]
    low, high = (median * share for share in row[f"{kind}_quartiles"])
    return f"{median:.1f} ({low:.1f} to {high:.1f})"


def plot(rows):
    """Accuracy against latency; the Pareto lines are named, a network once."""
    figure, (axes,) = figures.figure_of(1, height=6.0)
    figure.set_size_inches(9.0, 6.0)
    points, named = timed(rows), []
    # float32 is right of int8: names stand on the outer sides of the lines.
    sides = {"float32": ((5, -9), "left"), "int8": ((-5, 4), "right")}
    for kind, colour in KINDS.items():
        axes.scatter(
            [row[f"{kind}_ms"] for row in points],
            [row["top1"] for row in points],
            s=12,
            color=colour,
            alpha=0.45,
            label=f"{kind}, one network",
        )
        line = pareto(rows, kind)
        axes.plot(
            [row[f"{kind}_ms"] for row in line],
            [row["top1"] for row in line],
            color=colour,
            label=f"{kind}, not beaten",
        )
        for row in line:
            # Names of equally accurate networks would lie on one another.
            if any(abs(row["top1"] - top1) < NAMED_APART for top1 in named):
                continue
            named.append(row["top1"])
            axes.annotate(
                f"{row['network']} {row['size']}",
                (row[f"{kind}_ms"], row["top1"]),
                xytext=sides[kind][0],
                textcoords="offset points",
                ha=sides[kind][1],
                fontsize=6.5,
                color=colour,
            )
    axes.set_xscale("log")
    # Room for the names left of the fastest and right of the slowest.
    axes.set_xlim(
        0.4 * min(row["int8_ms"] for row in points), 2 * max(row["float32_ms"] for row in points)
    )
    axes.set_xlabel("milliseconds for an image, LiteRT, one thread")
    axes.set_ylabel("published top-1 on ImageNet in %")
    figures.legend(axes)
    return figure


if __name__ == "__main__":
    found = json.loads(RESULT.read_text())
    PAGE.write_text(page(found))
    figures.save(plot(found["rows"]), PLOT)
