"""Which of file and model is right where they differ: benchmarks/results/rounding.json."""

import json
import pathlib

RESULT = pathlib.Path(__file__).parents[2] / "benchmarks" / "results" / "rounding.json"
COLUMNS = ("file_to_model", "model_to_float64", "file_to_float64")


def table():
    """The whole table."""
    lines = [
        "| network | gamma | file to model | model to float64 | file to float64 |",
        "|---|---|---|---|---|",
    ]
    rows = json.loads(RESULT.read_text())["rows"]
    for row in sorted(rows, key=lambda row: (-row["branch"], row["network"])):
        cells = (f"{row[column]:.1e}" for column in COLUMNS)
        lines.append(f"| {row['network']} | {row['branch']:g} | {' | '.join(cells)} |")
    return "\n".join(lines)
