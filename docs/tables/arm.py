"""What 64-bit Arm makes of files, beside x86: benchmarks/results/arm.json."""

import json
import pathlib

RESULT = pathlib.Path(__file__).parents[2] / "benchmarks" / "results" / "arm.json"


def table():
    """The whole table."""
    record = json.loads(RESULT.read_text())
    files = {}
    for row in record["results"]:
        files.setdefault((row["network"], row["format"]), {})[row["processor"]] = row
    processors = list(dict.fromkeys(row["processor"] for row in record["results"]))
    lines = [
        f"| network | file | to float32, on x86 | {' | '.join(processors)} |",
        "|---" * (len(processors) + 3) + "|",
    ]
    for (network, kind), found in files.items():
        own = next(iter(found.values()))["host_to_float32"]
        cells = [_cell(found[name]) for name in processors]
        own = "" if kind == "float32" else f"{own:.2g}"
        lines.append(f"| {network} | `{kind}` | {own} | {' | '.join(cells)} |")
    images = " or ".join(sorted({str(row["images"]) for row in record["results"]}))
    machine = f"{record['date']}, {images} images, x86: {record['machine']['processor']}."
    return "\n".join([*lines, "", f"{_pieces(record['results'])} {machine}"])


def _cell(row):
    difference = f"{row['difference']:.1e}" if row["difference"] else "0"
    agreement = row["top1_agreement"]
    return difference if agreement == 1 else f"{difference} ({agreement:.0%})"


def _pieces(rows):
    """How XNNPACK splits the files."""
    split = [row for row in rows if row["partitions"] != 1 or row["undelegated"]]
    if not split:
        return f"All {len(rows)} runs are one piece of XNNPACK, with no operator outside."
    names = sorted({f"{row['network']} {row['format']} on {row['processor']}" for row in split})
    return f"Not one piece of XNNPACK: {', '.join(names)}."
