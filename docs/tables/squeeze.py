"""What squeezes in stages take in LiteRT: benchmarks/results/squeeze.json."""

import json
import pathlib

RESULT = pathlib.Path(__file__).parents[2] / "benchmarks" / "results" / "squeeze.json"


def table():
    """The whole table."""
    record = json.loads(RESULT.read_text())
    lines = ["| network | format | ms | time / one sum |", "|---|---|---|---|"]
    lines += [
        f"| {row['network']} | {row['format']} | {row['median_ms']:.1f} | {row['ratio']:.3f} |"
        for row in record["results"]
    ]
    processor = record["machine"]["processor"]
    return "\n".join([*lines, "", f"{record['date']}, {processor}, {record['runs']} rounds."])
