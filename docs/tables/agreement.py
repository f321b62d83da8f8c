"""How far files of every format agree with their models: benchmarks/results/agreement.json."""

import json
import pathlib

RESULT = pathlib.Path(__file__).parents[2] / "benchmarks" / "results" / "agreement.json"
LOSSY = ("float16", "dynamic", "int8", "int8_full")


def table():
    """The whole table."""
    networks = {}
    for row in json.loads(RESULT.read_text()):
        networks.setdefault(row["network"], {})[row["quantization"]] = row
    lines = [
        "| network | pixels | float32: difference | "
        + " | ".join(f"`{name}`" for name in LOSSY)
        + " | int8 MB |",
        "|---" * (len(LOSSY) + 4) + "|",
    ]
    for name, formats in sorted(networks.items()):
        exact = formats["float32"]
        cells = [
            f"{formats[one]['top1_agreement']:.0%} ({formats[one]['largest_difference']:.2g})"
            for one in LOSSY
        ]
        lines.append(
            f"| {name} | {exact['size']} | {exact['largest_difference']:.1g} "
            f"| {' | '.join(cells)} | {formats['int8']['bytes'] / 1e6:.1f} |"
        )
    return "\n".join(lines)
