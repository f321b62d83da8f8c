"""Images a second of contenders in turns: benchmarks/results/NAME.json."""

import json
import pathlib

RESULTS = pathlib.Path(__file__).parents[2] / "benchmarks" / "results"


def table(name):
    """The table of the file of this name."""
    record = json.loads((RESULTS / f"{name}.json").read_text())
    machine = record.get("limits", {}).get("name") or (
        f"{record['machine']['cores']} cores of {record['machine']['processor']}"
    )
    lines = ["| what | contender | images/s | quartiles | time / first |", "|---|---|---|---|---|"]
    versions = {}
    for result in record["results"]:
        first = next(iter(result["contenders"].values()))["median_s"]
        for contender, one in result["contenders"].items():
            batch = one["arguments"]["batch"]
            low, high = (batch / seconds for seconds in reversed(one["quartiles_s"]))
            versions.update(one.get("versions", {}))
            lines.append(
                f"| {result['what']} | {contender} | {batch / one['median_s']:.4g} "
                f"| {low:.4g} to {high:.4g} | {one['median_s'] / first:.3f} |"
            )
    made = ", ".join(f"{package} {version}" for package, version in sorted(versions.items()))
    return "\n".join([*lines, "", f"{record['date']}, {machine}; {made}."])
