"""What the time of a training step on JAX is spent on: python benchmarks/step_profile.py.

Trains a network for some steps under JAX's profiler, adds up the time of each operation that XLA
ran, and prints those that take most. `--folder` keeps the trace, for TensorBoard or Perfetto. See
README.md beside this.
"""

import collections
import contextlib
import os
import pathlib
import re
import tempfile

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

import keras_senet
from keras_senet.training import SGD

NETWORK = flags.DEFINE_string("network", "SEResNet50", "Of keras_senet.")
PLAIN = flags.DEFINE_bool("plain", False, "Without SE.")
PRECISION = flags.DEFINE_enum("precision", "bfloat16", ["float32", "bfloat16"], "Compute dtype.")
BATCH = flags.DEFINE_integer("batch", 128, "Images in a step.", lower_bound=1)
SIZE = flags.DEFINE_integer("size", 224, "Height and width of an image.")
STEPS = flags.DEFINE_integer("steps", 5, "Steps under the profiler.", lower_bound=1)
SHOWN = flags.DEFINE_integer("shown", 20, "Rows of the table.", lower_bound=1)
FOLDER = flags.DEFINE_string("folder", None, "Keep the trace here. Default: it is deleted.")

# Of the compiled program: `fusion.12`, `loop_add_fusion.3`, `custom-call.7`.
NUMBER = re.compile(r"[.\d]+$")
# A step is one program on the device; other events of its threads are the runtime's.
OPERATION = re.compile(r"[a-z][\w-]*(\.\d+)*")


def program():
    """A function that trains for a number of steps."""
    if PRECISION.value == "bfloat16":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    network = getattr(keras_senet, NETWORK.value)
    if PLAIN.value:
        network = network.replace(se=None)
    model = network(input_shape=(SIZE.value, SIZE.value, 3))
    model.compile(SGD(0.01, momentum=0.9), "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (BATCH.value, SIZE.value, SIZE.value, 3), "uint8")
    labels = rng.integers(0, model.output_shape[-1], BATCH.value)

    def train(steps):
        model.fit(((images, labels) for _ in range(steps)), steps_per_epoch=steps, verbose=0)

    return train


def operations(folder):
    """Nanoseconds and number of the operations in a trace, by kind; numbers are left out."""
    (path,) = pathlib.Path(folder).glob("**/*.xplane.pb")
    trace = jax.profiler.ProfileData.from_file(str(path))
    found = collections.defaultdict(lambda: [0.0, 0])
    for line in lines(trace):
        for event in line.events:
            if OPERATION.fullmatch(event.name):
                row = found[NUMBER.sub("", event.name)]
                row[0] += event.duration_ns
                row[1] += 1
    return dict(found)


def lines(trace):
    """The lines of a trace that hold operations: of a GPU, or of the threads of a CPU."""
    planes = list(trace.planes)
    devices = [plane for plane in planes if plane.name.startswith("/device:")]
    if devices:
        named = [line for plane in devices for line in plane.lines if line.name == "XLA Ops"]
        return named or [line for plane in devices for line in plane.lines]
    return [line for plane in planes for line in plane.lines if "XLA" in line.name]


def main(_):
    """Profiles a network."""
    train = program()
    train(2)  # The first steps compile.
    kept = contextlib.nullcontext(FOLDER.value)
    with kept if FOLDER.value else tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            train(STEPS.value)
        found = operations(folder)
    if not found:
        raise SystemExit("The trace has no operations: keep it with --folder, and look at it.")
    total = sum(time for time, _ in found.values())
    view = Table("operation", "in a step", "ms in a step", "share")
    for name, (time, count) in sorted(found.items(), key=lambda item: -item[1][0])[: SHOWN.value]:
        each = f"{time / STEPS.value / 1e6:.2f}"
        view.add_row(name, f"{count / STEPS.value:.0f}", each, f"{time / total:.1%}")
    print(
        f"{NETWORK.value}, {PRECISION.value}, batch {BATCH.value}, {jax.devices()[0].device_kind}"
    )
    Console(width=100).print(view)


if __name__ == "__main__":
    app.run(main)
