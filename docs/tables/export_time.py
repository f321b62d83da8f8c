"""What an export takes, and took: benchmarks/results/export_time.json."""

import json
import pathlib

RESULT = pathlib.Path(__file__).parents[2] / "benchmarks" / "results" / "export_time.json"


def table():
    """The whole table."""
    record = json.loads(RESULT.read_text())
    lines = [
        "| network | state | s by the clock | s of the processor | GiB at most |",
        "|---|---|---|---|---|",
    ]
    for row in record["results"]:
        state = f"before, `{row['commit'][:7]}`" if "commit" in row else row["state"]
        lines.append(
            f"| {row['network']} | {state} | {row['wall_s']:.0f} | {row['processor_s']:.0f} "
            f"| {row['peak_bytes'] / 2**30:.2f} |"
        )
    arguments, (*_, last) = record["arguments"], record["results"]
    made = ", ".join(f"{name} {version}" for name, version in sorted(last["versions"].items()))
    cores, processor = record["machine"]["cores"], record["machine"]["processor"]
    what = (
        f"`{arguments['format']}`, {arguments['images']} images of {arguments['size']} pixels to "
        "calibrate with"
    )
    return "\n".join(
        [*lines, "", f"{what}; {record['date']}, {cores} cores of {processor}; {made}."]
    )
