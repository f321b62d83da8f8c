"""Fills `<!-- agreement -->` in a page with the table of benchmarks/results/agreement.json."""

import json
import pathlib

MARK = "<!-- agreement -->"
RESULT = pathlib.Path(__file__).parents[1] / "benchmarks" / "results" / "agreement.json"


def on_page_markdown(markdown, **_):
    """Called by MkDocs with the text of each page."""
    return markdown.replace(MARK, _table()) if MARK in markdown else markdown


def _table():
    record = json.loads(RESULT.read_text())
    lines = [
        "| network | format | top-1 | top-5 | largest difference | MB | XNNPACK pieces |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in record["rows"]:
        lines.append(
            f"| {row['network']} | {row['quantization']} | {row['top1_agreement']:.1%} "
            f"| {row['top5_agreement']:.1%} | {row['largest_difference']:.2g} "
            f"| {row['bytes'] / 1e6:.1f} | {row['partitions']} |"
        )
    note = f"{record['images']} crops of two photographs at {record['size']} pixels."
    return "\n".join([*lines, "", note])
