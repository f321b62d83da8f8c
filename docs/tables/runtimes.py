"""Which runtimes read which files: benchmarks/results/runtimes.json."""

import json
import pathlib

RESULT = pathlib.Path(__file__).parents[2] / "benchmarks" / "results" / "runtimes.json"


def table():
    """The whole table."""
    record = json.loads(RESULT.read_text())
    cells = {}
    for row in record["results"]:
        key = row["network"], row["quantization"]
        cells.setdefault(key, {}).setdefault(row["runtime"], []).append(_cell(row))
    runtimes = list(dict.fromkeys(row["runtime"] for row in record["results"]))
    lines = [
        f"| network | file | {' | '.join(runtimes)} |",
        "|---" * (len(runtimes) + 2) + "|",
    ]
    for (network, quantization), found in cells.items():
        columns = " | ".join(" / ".join(found[runtime]) for runtime in runtimes)
        lines.append(f"| {network} | `{quantization}` | {columns} |")
    return "\n".join([*lines, "", f"{record['date']}, {record['images']} images."])


def _cell(row):
    return "refused" if row.get("refusal") else f"{row['largest_difference']:.2g}"
