"""Which operators compute otherwise on 64-bit Arm: benchmarks/results/arm_operators.json."""

import json
import pathlib

RESULT = pathlib.Path(__file__).parents[2] / "benchmarks" / "results" / "arm_operators.json"


def table():
    """The whole table."""
    record = json.loads(RESULT.read_text())
    kinds = {}
    for row in record["results"]:
        kinds.setdefault((row["network"], row["type"], row["kind"]), []).append(row)
    lines = [
        "| network | operator | how many | values | that differ | most |",
        "|---|---|---|---|---|---|",
    ]
    for (network, dtype, kind), rows in sorted(kinds.items()):
        values, differ = (sum(row[name] for row in rows) for name in ("values", "differ"))
        most = max(row["largest"] for row in rows)
        lines.append(
            f"| {network} | {kind} {dtype} | {len(rows)} | {values} | {differ} | {most:.2g} |"
        )
    facts = f"{record['images']} images, {record['calibration']} to calibrate with"
    return "\n".join([*lines, "", f"{record['date']}, {record['processor']}, {facts}."])
