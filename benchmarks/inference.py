"""Time to classify images: LiteRT, Keras and timm, with SE and without, on a CPU.

    python benchmarks/inference.py --peer_python=PEERS/bin/python

Prints a table of milliseconds and ratios, and writes a JSON file. See README.md beside this.
"""

import pathlib
import sys

import contenders
from absl import app, flags
from contenders import FOLDER, PEERS, Contender

NETWORKS = flags.DEFINE_list("networks", ["SEResNet50", "SEResNeXt50"], f"Of {sorted(PEERS)}.")
BATCH = flags.DEFINE_integer("batch", 1, "Images in a step.")
SIZE = flags.DEFINE_integer("size", 224, "Height and width of an image.")
ROUNDS = flags.DEFINE_integer("rounds", 25, "Rounds of one turn for each contender.", lower_bound=2)
PEER_PYTHON = flags.DEFINE_string("peer_python", sys.executable, "Interpreter that has timm.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/inference.json.")


def entrants(network):
    """The contenders of one network."""
    ours = {"network": network, "batch": BATCH.value, "size": SIZE.value}
    keras = {**ours, "mode": "infer"}
    timm = {**keras, "network": PEERS[network]}
    python = PEER_PYTHON.value
    return [
        Contender("LiteRT", "litert_contender.py", ours),
        Contender("LiteRT without SE", "litert_contender.py", {**ours, "plain": True}),
        Contender("Keras", "keras_contender.py", keras),
        Contender("Keras without SE", "keras_contender.py", {**keras, "plain": True}),
        Contender("Keras with stock layers", "keras_contender.py", {**keras, "layers": "stock"}),
        Contender("timm", "timm_contender.py", timm, python),
        Contender("timm channels_last", "timm_contender.py", {**timm, "channels_last": 1}, python),
    ]


def main(_):
    """Measures every network."""
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/inference.json")
    results = []
    for network in NETWORKS.value:
        group = entrants(network)
        competed = contenders.compete([group], ROUNDS.value, steps=1, warm_up=3)
        summaries = {contender.name: contender.summary() for contender in competed}
        results.append({"what": f"{network} float32", "contenders": summaries})
        contenders.write(path, {"device": "cpu", "results": results})
    contenders.table(results)


if __name__ == "__main__":
    app.run(main)
