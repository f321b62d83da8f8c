"""Training speed against stock Keras layers and timm or pytorchcv, on a CPU or on one GPU.

    python benchmarks/train_step.py --peer_python=PEERS/bin/python
    python benchmarks/train_step.py --networks=SEResNet20 --batch=128 --size=32 --steps=5
    python benchmarks/train_step.py --device=gpu --networks=SEResNet50

Prints a table of images a second and ratios, and writes a JSON file. See README.md beside this.
"""

import json
import pathlib
import subprocess
import sys

import contenders
from absl import app, flags
from contenders import FOLDER, PEERS, Contender

NETWORKS = flags.DEFINE_list("networks", ["SEResNet50", "SEResNeXt50"], f"Of {sorted(PEERS)}.")
PRECISIONS = flags.DEFINE_list("precisions", ["float32", "bfloat16"], "Compute dtypes.")
CONTENDERS = flags.DEFINE_list(
    "contenders", [], "Names of those that take part, see README.md. Default: all of the device."
)
DEVICE = flags.DEFINE_enum("device", "cpu", ["cpu", "gpu"], "What the contenders run on.")
BATCH = flags.DEFINE_integer("batch", None, "Images in a step. Default: 16, on a GPU 256.")
SIZE = flags.DEFINE_integer("size", 224, "Height and width of an image.")
ROUNDS = flags.DEFINE_integer("rounds", 15, "Rounds of one turn for each contender.", lower_bound=2)
STEPS = flags.DEFINE_integer("steps", None, "Steps in a turn. Default: 1, on a GPU 10.")
PEER_PYTHON = flags.DEFINE_string("peer_python", sys.executable, "Interpreter that has timm.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/train_step_DEVICE.json.")

# Stock layers train a grouped convolution on a CPU two orders of magnitude slower.
MOST_ROUNDS_STOCK_GROUPED = 2


def on_cpu(network, precision):
    """The contenders on a CPU."""
    common = {"precision": precision, "batch": BATCH.value or 16, "size": SIZE.value}
    ours = {"network": network, **common}
    timm = {"network": PEERS[network], **common}
    peer = PEERS[network].rpartition("/")[0] or "timm"
    grouped = "X" in network or network in ("SENet154", "RegNetY016")
    onednn, no_onednn = ({"TF_ENABLE_ONEDNN_OPTS": value} for value in "10")
    on_jax = {"KERAS_BACKEND": "jax"}

    def with_stock_layers(name, environment):
        return Contender(
            name,
            "keras_contender.py",
            {**ours, "layers": "stock"},
            environment=environment,
            most_rounds=MOST_ROUNDS_STOCK_GROUPED if grouped else ROUNDS.value,
        )

    return [
        Contender("ours", "keras_contender.py", ours, environment=onednn),
        Contender("ours without oneDNN", "keras_contender.py", ours, environment=no_onednn),
        Contender(
            "ours without SE", "keras_contender.py", {**ours, "plain": True}, environment=onednn
        ),
        with_stock_layers("with stock layers", onednn),
        Contender("JAX", "keras_contender.py", ours, environment=on_jax),
        with_stock_layers("JAX with stock layers", on_jax),
        Contender(peer, "timm_contender.py", timm, PEER_PYTHON.value),
        Contender(
            f"{peer} channels_last",
            "timm_contender.py",
            {**timm, "channels_last": 1},
            PEER_PYTHON.value,
        ),
    ]


def on_gpu(network, precision):
    """The contenders on a GPU."""
    common = {"precision": precision, "batch": BATCH.value or 256, "size": SIZE.value}
    ours = {"network": network, **common}
    timm = {"network": PEERS[network], **common, "channels_last": 1, "compile": 1}
    on_jax, on_torch, on_tensorflow = (
        {"KERAS_BACKEND": backend} for backend in ("jax", "torch", "tensorflow")
    )
    script = "keras_contender.py"
    return [
        Contender("JAX", script, ours, environment=on_jax),
        Contender("JAX without SE", script, {**ours, "plain": True}, environment=on_jax),
        Contender("JAX with stock layers", script, {**ours, "layers": "stock"}, environment=on_jax),
        Contender("TensorFlow", script, {**ours, "jit": 0}, environment=on_tensorflow),
        Contender("TensorFlow with XLA", script, {**ours, "jit": 1}, environment=on_tensorflow),
        Contender(
            "TensorFlow, MirroredStrategy",
            script,
            {**ours, "mirrored": 1},
            environment=on_tensorflow,
        ),
        Contender("torch", script, ours, environment=on_torch),
        Contender("timm", "timm_contender.py", timm, PEER_PYTHON.value),
    ]


def main(_):
    """Measures every network in every precision."""
    on_a_gpu = DEVICE.value == "gpu"
    path = pathlib.Path(OUTPUT.value or FOLDER / f"results/train_step_{DEVICE.value}.json")
    record = {"device": DEVICE.value, "results": []}
    if on_a_gpu:
        limits = [PEER_PYTHON.value, FOLDER / "gpu_limits.py"]
        record["limits"] = json.loads(subprocess.check_output(limits, text=True))
    for network in NETWORKS.value:
        for precision in PRECISIONS.value:
            entrants = (on_gpu if on_a_gpu else on_cpu)(network, precision)
            entrants = [one for one in entrants if one.name in (CONTENDERS.value or [one.name])]
            summaries = {}
            result = {"what": f"{network} {precision}", "contenders": summaries}
            record["results"].append(result)
            # One after the other on a GPU: each needs its memory.
            groups = [[one] for one in entrants] if on_a_gpu else [entrants]
            steps = STEPS.value or (10 if on_a_gpu else 1)
            for contender in contenders.compete(groups, ROUNDS.value, steps):
                summaries[contender.name] = contender.summary()
                # Now, so that a long run that breaks off has not been in vain.
                contenders.write(path, record)
    contenders.table(record["results"])


if __name__ == "__main__":
    app.run(main)
