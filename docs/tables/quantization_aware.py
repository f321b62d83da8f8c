"""What int8 costs before and after quantization-aware training."""

import json
import pathlib

RESULTS = pathlib.Path(__file__).parents[2] / "benchmarks/results/quantization_aware.json"


def table():
    """A row for each run of `benchmarks/quantization_aware.py`."""
    found = json.loads(RESULTS.read_text())
    lines = [
        "| run | epochs | minutes | model | int8 file | file names what the model names |",
        "|---|---|---|---|---|---|",
    ]
    for row in found["rows"]:
        shares = (row[name] for name in ("model_accuracy", "int8_accuracy", "agreement"))
        figures = " | ".join(f"{share:.2%}" for share in shares)
        lines.append(f"| {row['run']} | {row['epochs']} | {row['minutes']:.0f} | {figures} |")
    counts = f"{found['training_images']} training images, {found['held_out_images']} held out."
    return "\n".join([*lines, "", counts])
