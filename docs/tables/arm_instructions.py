"""How many instructions SE adds on 64-bit Arm: benchmarks/results/arm_instructions.json."""

import json
import pathlib

RESULT = pathlib.Path(__file__).parents[2] / "benchmarks" / "results" / "arm_instructions.json"


def table():
    """The whole table."""
    record = json.loads(RESULT.read_text())
    lines = ["| network | file | plain | with SE | ratio |", "|---|---|---|---|---|"]
    for row in record["results"]:
        plain, se = (min(row["instructions"][design]) / 1e6 for design in ("plain", "SE"))
        lines.append(
            f"| {row['network']} | `{row['format']}` | {plain:.1f} | {se:.1f} "
            f"| {row['ratio']:.3f} |"
        )
    return "\n".join([*lines, "", f"{record['date']}, millions, {record['processor']}."])
