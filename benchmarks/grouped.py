"""Forms of the grouped convolutions of a network on JAX, forwards and with gradients.

    python benchmarks/grouped.py --networks=SENet154 --batch=128

Each distinct grouped convolution of a network is computed as it is, with its channels before height
and width, and with its groups merged into fewer, wider ones with zeros between them, as exports do.
The forms take turns. Prints milliseconds and ratios, and writes a JSON file. See README.md beside
this.
"""

import collections
import os
import pathlib
import statistics
import time
import typing

os.environ["KERAS_BACKEND"] = "jax"

import contenders
import jax
import jax.numpy as jnp
import keras
import numpy as np
from absl import app, flags
from contenders import FOLDER

import keras_senet
from keras_senet.surgery.linear import merged_groups

NETWORKS = flags.DEFINE_list("networks", ["SEResNeXt50", "SENet154"], "Of keras_senet.")
BATCH = flags.DEFINE_integer("batch", 128, "Images in a step.", lower_bound=1)
SIZE = flags.DEFINE_integer("size", 224, "Height and width of an image.")
PRECISION = flags.DEFINE_enum("precision", "bfloat16", ["float32", "bfloat16"], "Compute dtype.")
WIDTHS = flags.DEFINE_list("widths", [32, 64, 128], "Least channels of a merged group.")
ROUNDS = flags.DEFINE_integer("rounds", 15, "Turns of each form.", lower_bound=2)
STEPS = flags.DEFINE_integer("steps", 10, "Computations in a turn.", lower_bound=1)
OUTPUT = flags.DEFINE_string("output", None, "JSON file. Default: results/grouped.json.")

# Largest difference of an output from that of another form, over the largest output.
TOLERANCES = {"float32": 1e-5, "bfloat16": 0.03}


class Convolution(typing.NamedTuple):
    """What the time of a convolution depends on."""

    height: int  # of its images, and their width
    channels: int
    filters: int
    kernel_size: int
    strides: int
    groups: int


def convolutions(network):
    """The distinct grouped convolutions of a network, and how often it has each, a dictionary."""
    model = getattr(keras_senet, network)(input_shape=(SIZE.value, SIZE.value, 3))
    found = collections.Counter()
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D) and layer.groups > 1:
            _, height, _, channels = layer.input.shape
            size, strides = layer.kernel_size[0], layer.strides[0]
            found[Convolution(height, channels, layer.filters, size, strides, layer.groups)] += 1
    return found


def merge(kernel, groups, merged):
    """The kernel of `merged` groups, as an expression that JAX differentiates."""
    positions = np.arange(1, kernel.size + 1).reshape(kernel.shape)
    places = merged_groups(positions, groups, merged)
    flat = jnp.concatenate([jnp.zeros(1, kernel.dtype), kernel.ravel()])
    return flat[places]


def forms(convolution):
    """The forms of a convolution by name: functions of its images, NHWC, and its kernel, HWIO."""
    channels, groups = convolution.channels, convolution.groups

    def convolve(images, kernel, count, layout):
        return jax.lax.conv_general_dilated(
            images,
            kernel,
            (convolution.strides, convolution.strides),
            "SAME",
            dimension_numbers=(layout, "HWIO", layout),
            feature_group_count=count,
        )

    def as_it_is(images, kernel):
        return convolve(images, kernel, groups, "NHWC")

    def channels_first(images, kernel):
        return convolve(images, kernel, groups, "NCHW")

    def merged_to(count):
        return lambda images, kernel: convolve(images, merge(kernel, groups, count), count, "NHWC")

    found = {"as it is": as_it_is, "channels first": channels_first}
    for width in map(int, WIDTHS.value):
        count = max(1, channels // max(width, channels // groups))
        if count < groups and groups % count == 0:
            found[f"groups of {channels // count}"] = merged_to(count)
    return found


def compiled(convolution):
    """For each form its computations by name, compiled, each a function of no arguments."""
    height, channels, filters, size, _, groups = convolution
    rng = np.random.default_rng(0)
    dtype = jnp.dtype(PRECISION.value)
    images = jnp.asarray(rng.normal(size=(BATCH.value, height, height, channels)), dtype)
    kernel = jnp.asarray(rng.normal(size=(size, size, channels // groups, filters)) / 10, dtype)
    found = {}
    for name, form in forms(convolution).items():
        given = images.transpose(0, 3, 1, 2) if name == "channels first" else images

        def gradients(x, k, form=form):
            outputs, back = jax.vjp(form, x, k)
            return back(outputs)

        forward, backward = jax.jit(form), jax.jit(gradients)
        found[name] = {
            "forwards": lambda f=forward, x=given: f(x, kernel),
            "with gradients": lambda f=backward, x=given: f(x, kernel),
        }
        check(forward(given, kernel), name, found)
    return found


def check(outputs, name, found):
    """Raises an error if a form computes something else than the first one."""
    if len(found) == 1:
        return
    if name == "channels first":
        outputs = outputs.transpose(0, 2, 3, 1)
    expected = next(iter(found.values()))["forwards"]().astype("float32")
    error = jnp.abs(outputs.astype("float32") - expected).max() / jnp.abs(expected).max()
    tolerance = TOLERANCES[PRECISION.value]
    if error > tolerance:
        raise RuntimeError(f"{name}: largest relative difference {error}, allowed {tolerance}.")


def timed(functions):
    """Milliseconds of each function in every round, in turns."""
    for function in functions:
        jax.block_until_ready(function())
    seconds = [[] for _ in functions]
    for _ in range(ROUNDS.value):
        for function, own in zip(functions, seconds, strict=True):
            started = time.perf_counter()
            for _ in range(STEPS.value):
                done = function()
            jax.block_until_ready(done)
            own.append((time.perf_counter() - started) / STEPS.value * 1e3)
    return seconds


def main(_):
    """Measures every distinct grouped convolution of every network."""
    path = pathlib.Path(OUTPUT.value or FOLDER / "results/grouped.json")
    results = []
    for network in NETWORKS.value:
        for convolution, count in convolutions(network).items():
            computations = compiled(convolution)
            names = list(computations)
            row = {
                "network": network,
                "convolution": convolution._asdict(),
                "times": count,
                "forms": {},
            }
            results.append(row)
            for pass_ in ("forwards", "with gradients"):
                times = timed([computations[name][pass_] for name in names])
                first = statistics.median(times[0])
                for name, own in zip(names, times, strict=True):
                    median = statistics.median(own)
                    lower, _, upper = statistics.quantiles(own, n=4)
                    facts = {"median_ms": median, "quartiles_ms": [lower, upper]}
                    row["forms"].setdefault(name, {})[pass_] = {**facts, "ratio": median / first}
                    print(
                        f"{network} {tuple(convolution)} x{count} {pass_}, {name}: {median:.3f} ms "
                        f"({lower:.3f} to {upper:.3f}), {median / first:.3f}",
                        flush=True,
                    )
            record = {
                "device": jax.devices()[0].device_kind,
                "batch": BATCH.value,
                "size": SIZE.value,
                "precision": PRECISION.value,
                "versions": {"jax": jax.__version__},
                "results": results,
            }
            contenders.write(path, record)


if __name__ == "__main__":
    app.run(main)
