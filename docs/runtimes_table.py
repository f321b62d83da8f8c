"""Fills `<!-- runtimes -->` in a page with the table of benchmarks/results/runtimes.json."""

import json
import pathlib

MARK = "<!-- runtimes -->"
RESULT = pathlib.Path(__file__).parents[1] / "benchmarks" / "results" / "runtimes.json"


def on_page_markdown(markdown, **_):
    """Called by MkDocs with the text of each page."""
    return markdown.replace(MARK, _table()) if MARK in markdown else markdown


def _table():
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
