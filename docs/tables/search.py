"""What a search for SE blocks to remove costs: benchmarks/results/search.json."""

import json
import pathlib

RESULTS = pathlib.Path(__file__).parents[2] / "benchmarks" / "results"


def table():
    """The table."""
    record = json.loads((RESULTS / "search.json").read_text())
    arguments = record["arguments"]
    results = record["results"]
    first = next(iter(results.values()))
    lines = [
        "| state | networks | s of the processor | over the first | s by the clock |",
        "|---|---|---|---|---|",
    ]
    for name, one in results.items():
        name = f"before, `{one['commit'][:7]}`" if "commit" in one else name
        lines.append(
            f"| {name} | {len(one['steps'])} | {one['processor_s']:.0f} "
            f"| {one['processor_s'] / first['processor_s']:.3f} | {one['wall_s']:.0f} |"
        )
    versions = results["now"]["versions"]
    made = ", ".join(f"{package} {version}" for package, version in sorted(versions.items()))
    cores, processor = record["machine"]["cores"], record["machine"]["processor"]
    what = f"{arguments['network']}, {arguments['images']} images of {arguments['size']} pixels"
    return "\n".join(
        [*lines, "", f"{what}; {record['date']}, {cores} cores of {processor}; {made}."]
    )
