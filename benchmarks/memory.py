"""The most memory that a process takes in its first training step, on a CPU.

    python benchmarks/memory.py --peer_python=PEERS/bin/python
    python benchmarks/memory.py --networks=SENet154 --batches=16 --contenders=ours,"ours without SE"

The contenders run one after the other, each alone. Prints a table of gigabytes and ratios, and
writes a JSON file, in which other networks' results stay. Of SENet-154 stock layers have no step
in a quarter of an hour. See README.md beside this.
"""

import json
import pathlib
import sys

import contenders
from absl import app, flags
from contenders import FOLDER, PEERS, Contender
from rich.console import Console
from rich.table import Table

NETWORKS = flags.DEFINE_list("networks", ["SEResNet50"], f"Of {sorted(PEERS)}.")
PRECISIONS = flags.DEFINE_list("precisions", ["float32"], "Compute dtypes.")
CONTENDERS = flags.DEFINE_list("contenders", [], "Names of those that take part. Default: all.")
BATCHES = flags.DEFINE_list("batches", ["64"], "Images in a step of each network, or of all.")
SIZE = flags.DEFINE_integer("size", 224, "Height and width of an image.")
PEER_PYTHON = flags.DEFINE_string("peer_python", sys.executable, "Interpreter that has timm.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/memory.json.")


def entrants(network, precision, batch):
    """The contenders of one network."""
    common = {"precision": precision, "batch": batch, "size": SIZE.value}
    ours, timm = {"network": network, **common}, {"network": PEERS[network], **common}
    tensorflow, jax = {"KERAS_BACKEND": "tensorflow"}, {"KERAS_BACKEND": "jax"}
    script = "keras_contender.py"
    last = {**timm, "channels_last": 1}
    return [
        Contender("ours", script, ours, environment=tensorflow),
        Contender("ours without SE", script, {**ours, "plain": True}, environment=tensorflow),
        Contender("stock layers", script, {**ours, "layers": "stock"}, environment=tensorflow),
        Contender("ours on JAX", script, ours, environment=jax),
        Contender("timm channels_last", "timm_contender.py", last, PEER_PYTHON.value),
    ]


def main(_):
    """Measures every network."""
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/memory.json")
    asked = {f"{one} {precision}" for one in NETWORKS.value for precision in PRECISIONS.value}
    before = json.loads(path.read_text())["results"] if path.exists() else []
    results = [result for result in before if result["what"] not in asked]
    view = Table("what", "batch", "contender", "before the step, GB", "peak, GB", "peak / first")
    networks, batches = NETWORKS.value, [int(batch) for batch in BATCHES.value]
    if len(batches) == 1:
        batches *= len(networks)
    if len(batches) != len(networks):
        raise app.UsageError(f"{len(networks)} networks, but {len(batches)} --batches.")
    for network, batch in zip(networks, batches, strict=True):
        for precision in PRECISIONS.value:
            rows = {}
            results.append({"what": f"{network} {precision}", "contenders": rows})
            for contender in entrants(network, precision, batch):
                if contender.name not in (CONTENDERS.value or [contender.name]):
                    continue
                try:
                    with contender:
                        rows[contender.name] = {
                            "arguments": contender.arguments,
                            **contender.facts,
                        }
                except contenders.Failure as failure:
                    print(failure, file=sys.stderr)
                contenders.write(path, {"device": "cpu", "results": results})
            peaks = {name: one["peak_bytes"] for name, one in rows.items()}
            for name, peak in peaks.items():
                at_first = rows[name]["peak_bytes_before_first_step"] / 1e9
                ratio = peak / next(iter(peaks.values()))
                what = f"{network} {precision}"
                shown = (f"{at_first:.2f}", f"{peak / 1e9:.2f}", f"{ratio:.3f}")
                view.add_row(what, str(batch), name, *shown)
    Console(width=100).print(view)


if __name__ == "__main__":
    app.run(main)
