"""Seconds from a program's start to its first steps: benchmarks/results/startup.json."""

import json
import pathlib
import statistics

RESULTS = pathlib.Path(__file__).parents[2] / "benchmarks" / "results"
PARTS = ("ready_s", "first_step_s", "second_step_s")


def table():
    """The table, medians of the runs, and the shortest and the longest sum."""
    record = json.loads((RESULTS / "startup.json").read_text())
    lines = [
        "| network | contender | imports and building, s | first step, s | second step, s "
        "| sum, s | of all runs | over the first |",
        "|---|---|---|---|---|---|---|---|",
    ]
    versions = {}
    for result in record["results"]:
        first = None
        for contender, runs in result["contenders"].items():
            versions.update(runs[0]["versions"])
            parts = [statistics.median(run[part] for run in runs) for part in PARTS]
            first = first or sum(parts)
            figures = " | ".join(f"{part:.1f}" for part in [*parts, sum(parts)])
            sums = [sum(run[part] for part in PARTS) for run in runs]
            extent = f"{min(sums):.1f} to {max(sums):.1f}"
            lines.append(
                f"| {result['what']} | {contender} | {figures} | {extent} "
                f"| {sum(parts) / first:.2f} |"
            )
    runs = len(next(iter(record["results"][0]["contenders"].values())))
    medians = f"medians of {runs} runs" if runs > 1 else "one run"
    made = ", ".join(f"{package} {version}" for package, version in sorted(versions.items()))
    cores, processor = record["machine"]["cores"], record["machine"]["processor"]
    return "\n".join(
        [
            *lines,
            "",
            f"{record['date']}, {cores} cores of {processor}, {medians}; {made}.",
        ]
    )
