"""What folding gains in LiteRT: benchmarks/results/folding.json."""

import json
import pathlib

RESULT = pathlib.Path(__file__).parents[2] / "benchmarks" / "results" / "folding.json"


def table():
    """The whole table."""
    record = json.loads(RESULT.read_text())
    lines = ["| network | file | ms | ratio | MB |", "|---|---|---|---|---|"]
    for result in record["results"]:
        files = {}
        for row in result["rows"]:
            files.setdefault(row["name"], []).append(row)
        for name, rows in files.items():
            milliseconds = " / ".join(f"{row['median_ms']:.1f}" for row in rows)
            ratios = " / ".join(f"{row['ratio']:.3f}" for row in rows)
            lines.append(
                f"| {result['network']} {result['quantization']} | {name} | {milliseconds} "
                f"| {ratios} | {rows[0]['bytes'] / 1e6:.1f} |"
            )
    processor = record["machine"]["processor"]
    return "\n".join([*lines, "", f"{record['date']}, {processor}, {record['runs']} rounds."])
