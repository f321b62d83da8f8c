"""The most memory of a process in its first training step: benchmarks/results/memory.json."""

import json
import pathlib

RESULTS = pathlib.Path(__file__).parents[2] / "benchmarks" / "results"


def table():
    """The table."""
    record = json.loads((RESULTS / "memory.json").read_text())
    lines = [
        "| network | batch | contender | GB before the step | GB at most | over the first |",
        "|---|---|---|---|---|---|",
    ]
    versions = {}
    for result in record["results"]:
        first = next(iter(result["contenders"].values()))["peak_bytes"]
        for contender, one in result["contenders"].items():
            versions.update(one["versions"])
            before, peak = one["peak_bytes_before_first_step"], one["peak_bytes"]
            lines.append(
                f"| {result['what']} | {one['arguments']['batch']} | {contender} "
                f"| {before / 1e9:.2f} | {peak / 1e9:.2f} | {peak / first:.3f} |"
            )
    made = ", ".join(f"{package} {version}" for package, version in sorted(versions.items()))
    cores, processor = record["machine"]["cores"], record["machine"]["processor"]
    return "\n".join([*lines, "", f"{record['date']}, {cores} cores of {processor}; {made}."])
