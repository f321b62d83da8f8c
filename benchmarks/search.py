"""What analysis.search costs, beside an earlier state of the package.

    python benchmarks/search.py --before=COMMIT

Each state is a process of its own, one after the other: the same network with random weights, the
same images, and every removal accepted, so that every network is judged and timed. Prints seconds
of the processor and of the clock, checks that both found the same, and writes a JSON file. See
README.md beside this.
"""

import json
import pathlib
import time

import contenders
import numpy as np
import states
from absl import app, flags
from contenders import FOLDER

NETWORK = flags.DEFINE_string("network", "SEResNet50", "Of keras_senet, with SE blocks.")
IMAGES = flags.DEFINE_integer("images", 200, "Images that decide.", lower_bound=1)
SIZE = flags.DEFINE_integer("size", 224, "Height and width of an image.")
LATENCIES = flags.DEFINE_bool("latencies", True, "Time each network as a TFLite file too.")
BEFORE = flags.DEFINE_string("before", None, "A commit, or what names one, to compare with.")
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/search.json.")
STATES = flags.DEFINE_list("states", ["before", "now"], "Which to measure; the other's stay.")
ONLY = flags.DEFINE_bool("only", False, "Search once and print JSON: for a process.")


def redrawn(network):
    """The network with weights of this program's: states of the package may draw others."""

    def build(**arguments):
        model, rng = network(**arguments), np.random.default_rng(0)
        values = [
            rng.normal(0, np.sqrt(2 / np.prod(x.shape[:-1])), x.shape) if x.ndim == 4 else x
            for x in model.get_weights()
        ]
        model.set_weights(values)
        return model

    return build


def searched():
    """One search in this process: its seconds, and what it found."""
    import keras
    import tensorflow as tf
    from untrained import calibrated, crops

    import keras_senet
    from keras_senet.analysis import search

    images = crops(IMAGES.value, SIZE.value, seed=0)
    network = redrawn(getattr(keras_senet, NETWORK.value))
    model = calibrated(network, images[:16], classes=1000)
    labels = np.random.default_rng(0).integers(0, 1000, len(images))
    processor, clock = time.process_time(), time.perf_counter()
    found = search(model, (images, labels), max_accuracy_drop=100, latencies=LATENCIES.value)
    return {
        "processor_s": time.process_time() - processor,
        "wall_s": time.perf_counter() - clock,
        "package": keras_senet.__file__,
        "versions": {"keras": keras.__version__, "tensorflow": tf.__version__},
        "steps": [
            {
                "removed": step.removed[-1] if step.removed else None,
                "accuracy": step.accuracy,
                "loss": step.loss,
                "parameters": step.parameters,
                "macs": step.macs,
                "latency_ms": step.latency_ms,
            }
            for step in found.steps
        ],
    }


def largest_differences(one, other):
    """How far accuracies and losses of two searches differ, step by step."""
    pairs = list(zip(one["steps"], other["steps"], strict=True))
    for first, second in pairs:
        for key in ("removed", "parameters", "macs"):
            if first[key] != second[key]:
                raise RuntimeError(f"{key} differs: {first[key]} before, {second[key]} now.")
    return {key: max(abs(a[key] - b[key]) for a, b in pairs) for key in ("accuracy", "loss")}


def kept(path, arguments):
    """Results that the file has of either state for the same arguments; new ones replace them."""
    if not path.exists():
        return {}
    record = json.loads(path.read_text())
    if record["arguments"] != arguments:
        return {}
    found = record["results"]
    return {name: found[name] for name in ("before", "now") if name in found}


def main(_):
    """Measures the earlier state, if any, and this one."""
    if ONLY.value:
        print(json.dumps(searched()), flush=True)
        return
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/search.json")
    arguments = {
        "network": NETWORK.value,
        "images": IMAGES.value,
        "size": SIZE.value,
        "latencies": LATENCIES.value,
        "weights": "drawn by the benchmark",  # results of other weights are not kept
    }
    results = kept(path, arguments)
    if "before" in STATES.value and BEFORE.value:
        with states.package_of(BEFORE.value) as (commit, package):
            results["before"] = {"commit": commit, **states.measured(__file__, package)}
        contenders.write(path, {"arguments": arguments, "results": results})
    if "now" in STATES.value:
        results["now"] = states.measured(__file__, states.ROOT)
        contenders.write(path, {"arguments": arguments, "results": results})
    record = {"arguments": arguments, "results": results}
    if len(results) == 2:
        record["largest_differences"] = largest_differences(results["before"], results["now"])
    contenders.write(path, record)
    for name, one in results.items():
        ratio = one["processor_s"] / next(iter(results.values()))["processor_s"]
        print(
            f"{name}: {one['processor_s']:.0f} s of the processor, {one['wall_s']:.0f} s, "
            f"{ratio:.3f}"
        )
    print(record.get("largest_differences", ""))


if __name__ == "__main__":
    app.run(main)
