"""Seconds from the start of a program to its first training step, and to its second, on a CPU.

    python benchmarks/startup.py --peer_python=PEERS/bin/python

The contenders run one after the other, each alone and several times. Prints a table of seconds and
writes a JSON file. See README.md beside this.
"""

import pathlib
import statistics
import sys
import tempfile

import contenders
from absl import app, flags
from contenders import FOLDER, PEERS, Contender
from rich.console import Console
from rich.table import Table

NETWORKS = flags.DEFINE_list("networks", ["SEResNet50"], f"Of {sorted(PEERS)}.")
BATCH = flags.DEFINE_integer("batch", 16, "Images in a step.")
SIZE = flags.DEFINE_integer("size", 224, "Height and width of an image.")
RUNS = flags.DEFINE_integer("runs", 3, "Runs of each contender.", lower_bound=1)
PEER_PYTHON = flags.DEFINE_string("peer_python", sys.executable, "Interpreter that has timm.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/startup.json.")

# Imports and building of the network; the step that traces and compiles; a step after it.
PARTS = ("ready_s", "first_step_s", "second_step_s")


def entrants(network, cache):
    """The contenders of one network; PyTorch keeps what it compiles in the folder `cache`."""
    common = {"batch": BATCH.value, "size": SIZE.value}
    ours = {"network": network, **common}
    tensorflow, jax = {"KERAS_BACKEND": "tensorflow"}, {"KERAS_BACKEND": "jax"}
    script = "keras_contender.py"
    timm = {"network": PEERS[network], **common, "channels_last": 1}
    return [
        Contender("ours", script, {**ours, "prepared": True}, environment=tensorflow),
        Contender("ours, not prepared", script, ours, environment=tensorflow),
        Contender("stock layers", script, {**ours, "layers": "stock"}, environment=tensorflow),
        Contender("ours on JAX", script, ours, environment=jax),
        Contender("timm", "timm_contender.py", timm, PEER_PYTHON.value),
        Contender(
            "timm compiled",
            "timm_contender.py",
            {**timm, "compile": 1},
            PEER_PYTHON.value,
            environment={"TORCHINDUCTOR_CACHE_DIR": cache},
        ),
    ]


def main(_):
    """Measures every network."""
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/startup.json")
    results = []
    view = Table("what", "contender", "ready, s", "first step, s", "second step, s", "sum / first")
    for network in NETWORKS.value:
        rows = {contender.name: [] for contender in entrants(network, "")}
        results.append({"what": network, "contenders": rows})
        for _ in range(RUNS.value):
            with tempfile.TemporaryDirectory() as cache:  # empty: the first step compiles all
                for contender in entrants(network, cache):
                    try:
                        with contender:
                            facts = {"arguments": contender.arguments, **contender.facts}
                            second = contender.run(1)
                            rows[contender.name].append({**facts, "second_step_s": second})
                    except contenders.Failure as failure:
                        print(failure, file=sys.stderr)
                    contenders.write(path, {"device": "cpu", "results": results})
        medians = {name: _medians(runs) for name, runs in rows.items() if runs}
        for name, parts in medians.items():
            ratio = sum(parts) / sum(next(iter(medians.values())))
            view.add_row(network, name, *(f"{part:.1f}" for part in parts), f"{ratio:.2f}")
    Console(width=110).print(view)


def _medians(runs):
    return [statistics.median(run[part] for run in runs) for part in PARTS]


if __name__ == "__main__":
    app.run(main)
