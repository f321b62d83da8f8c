"""Adds to layer_names.json the kinds of units that it lacks: our own names, a file format.

What the file has stays: saved weights depend on it. Exits 1, and writes nothing, on a difference.
In our own environment: python tests/golden/make_layer_names.py
"""

import json
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parents[1]))
from small import KINDS, shape

FILE = pathlib.Path(__file__).with_name("layer_names.json")


def main():
    """Writes the file; returns the kinds of units whose names differ from it."""
    frozen = json.loads(FILE.read_text())
    models = {kind: network(input_shape=shape(network)) for kind, network in KINDS.items()}
    names = {kind: [layer.name for layer in model.layers] for kind, model in models.items()}
    differing = [kind for kind in frozen if names.get(kind) != frozen[kind]]
    if not differing:
        FILE.write_text(json.dumps(names, indent=0) + "\n")
    return differing


if __name__ == "__main__":
    sys.exit(", ".join(main()) or 0)
