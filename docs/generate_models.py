"""Writes models.md, all variants with their costs: `python docs/generate_models.py`."""

import pathlib
import re

import keras_senet
from keras_senet.analysis.costs.paper import ROWS, cost_of, counts

PAGE = pathlib.Path(__file__).with_name("models.md")
HEAD = """# All variants and what they cost

Made by `python docs/generate_models.py` from the values themselves. Parameters are trainable ones;
multiply-adds (MACs) are those of convolutions and fully connected layers, SE included, for one
image of the default size; FLOPs = 2 MACs. Size is that of the parameters in float32.
`keras_senet.analysis.cost(model)` counts any functional network, layer by layer.

| variant | image | parameters | of which SE | MACs | of which SE | size |
|---|---|---|---|---|---|---|
"""
PAPER = """
## Next to the paper

Figures of the [SE paper](https://arxiv.org/abs/1709.01507v4) (journal version) and ours. The
paper's multiply-adds of SE networks include the additions of the squeeze; so do ours in this
table. Ablations (tables 10 to 16) have SE blocks without biases.

| table | row | MACs | paper | parameters | paper | note |
|---|---|---|---|---|---|---|
"""


def variants():
    """Names and values of all public networks, in natural order, plain beside SE."""
    values = {name: getattr(keras_senet, name) for name in keras_senet.__all__}
    names = [name for name in values if isinstance(values[name], keras_senet.Architecture)]

    def order(name):
        plain = name.removeprefix("SE").removeprefix("ECA")
        pieces = re.split(r"(\d+)", plain)
        return (
            [int(one) if one.isdigit() else one for one in pieces],
            name.startswith(("SE", "ECA")),
            name,
        )

    return {name: values[name] for name in sorted(names, key=order)}


def page():
    """The whole text."""
    lines = []
    for name, network in variants().items():
        counted = cost_of(network)
        lines.append(
            f"| `{name}` | {network.input_size} | {counted.parameters:,} "
            f"| {_or_dash(counted.se.parameters)} | {counted.macs:,} | {_or_dash(counted.se.macs)} "
            f"| {4 * counted.parameters / 1e6:.1f} MB |"
        )
    rows = []
    for row in ROWS:
        macs, parameters = counts(row)
        unit, sign = (1e6, "M") if row.table == 3 else (1e9, "G")
        printed = "-" if row.macs is None else f"{row.macs / unit:.4g} {sign}"
        millions = "-" if row.parameters is None else f"{row.parameters / 1e6:.1f} M"
        rows.append(
            f"| {row.table} | {row.label} | {macs / unit:.{0 if sign == 'M' else 2}f} {sign} "
            f"| {printed} | {parameters:,} | {millions} | {row.note} |"
        )
    return HEAD + "\n".join(lines) + "\n" + PAPER + "\n".join(rows) + "\n"


def _or_dash(number):
    return f"{number:,}" if number else "-"


if __name__ == "__main__":
    PAGE.write_text(page())
