"""Several processes and devices against one: `together.py WHAT`, in a process that starts others.

`processes`: two JAX processes on this machine. `devices`: TensorFlow's MirroredStrategy on two
logical CPU devices. `loss`, `coordinator`: process 1 or 0 of two is killed, both are started again.
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

WORKER = pathlib.Path(__file__).with_name("worker.py")
# Normalization with moving statistics: a replica of MirroredStrategy sees its own part of a batch.
FROZEN = {"freeze_bn_from": 0}
RECIPE = {"epochs": 2, "learning_rate": 1e-3, "warmup_epochs": 0, "dropout": 0.0}


def start(workdir, backend, **options):
    """A training process."""
    environment = {**os.environ, "KERAS_BACKEND": backend}
    command = [sys.executable, str(WORKER), str(workdir), json.dumps(options)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def start_two(workdir, **options):
    """Two JAX processes that train together."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        address = f"localhost:{probe.getsockname()[1]}"
    return [
        start(workdir, "jax", coordinator=address, num_processes=2, process_id=number, **options)
        for number in range(2)
    ]


def finish(*processes):
    """Waits for processes; raises if one failed."""
    for process in processes:
        _, errors = process.communicate(timeout=550)
        assert process.returncode == 0, errors


def difference(one, other):
    """Largest relative difference of the losses, and of the model's weights, at the end."""
    (facts, arrays), (other_facts, other_arrays) = (_checkpoint(folder) for folder in (one, other))
    losses = [
        abs(row[name] / other_row[name] - 1)
        for row, other_row in zip(facts["rows"], other_facts["rows"], strict=True)
        for name in ("loss", "val_loss")
    ]
    weights = _of_weights(arrays, other_arrays)
    return {"epochs": len(facts["rows"]), "loss": max(losses), "weights": weights}


def _checkpoint(folder):
    from keras_senet.training.checkpoints import read_checkpoint

    return read_checkpoint(max((folder / "checkpoints").glob("step-*.npz")))


def _of_weights(arrays, other_arrays):
    """Largest difference of weights, by the largest weight of the tensor: one may be rounding."""
    import numpy as np

    differences = []
    for name in (name for name in arrays if name.startswith("model/")):
        a, b = arrays[name].astype("float64"), other_arrays[name].astype("float64")
        differences.append(float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-30)))
    return max(differences)


def processes(folder):
    """Two processes of JAX against one, both from the weights of a trained network."""
    options = {"recipe": RECIPE, "weights": _trained(folder / "base", "jax")}
    finish(start(folder / "one", "jax", **options))
    finish(*start_two(folder / "two", **options))
    return difference(folder / "two", folder / "one")


def devices(folder):
    """Two devices of TensorFlow against one, both from the weights of a trained network.

    Normalization is frozen with the statistics of that training. With those that a network starts
    with it normalizes nothing, and every step amplifies rounding.
    """
    weights = _trained(folder / "base", "tensorflow")
    options = {"recipe": {**RECIPE, **FROZEN}, "weights": weights}
    finish(start(folder / "one", "tensorflow", **options))
    finish(start(folder / "two", "tensorflow", devices=["cpu:0", "cpu:1"], **options))
    return difference(folder / "two", folder / "one")


def _trained(folder, backend):
    """Path of the weights of a trained network.

    What a fresh one starts at zero, biases and shifts, is after some steps no more than sums of
    gradients that cancel: its difference, by its own size, says nothing.
    """
    finish(start(folder, backend, recipe={"epochs": 8, "dropout": 0.0}))
    return _weights(folder)


def _weights(folder):
    """Path of the weights of a finished run."""
    import keras

    import keras_senet.layers  # noqa: F401 (what the file is made of)

    path = folder / "model.weights.h5"
    keras.models.load_model(folder / "model.keras", compile=False).save_weights(path)
    return str(path)


def loss(folder, victim=1):
    """Process `victim` is killed in training, the other ends; both started again go on."""
    recipe, workdir = {**RECIPE, "epochs": 40}, folder / "run"
    pair = start_two(workdir, recipe=recipe, checkpoint_steps=2)
    checkpoints = workdir / "checkpoints"
    _wait_for_checkpoint(pair, checkpoints, after="")
    pair[victim].kill()
    killed = time.monotonic()
    survivor = pair[1 - victim]
    _, errors = survivor.communicate(timeout=550)
    seconds = time.monotonic() - killed
    pair[victim].communicate()
    message = [line for line in errors.splitlines() if line.startswith("Process ")]
    before = max(checkpoints.glob("step-*.npz")).name
    again = start_two(workdir, recipe=recipe, checkpoint_steps=2)
    after = _wait_for_checkpoint(again, checkpoints, after=before)
    for process in again:
        process.kill()
        process.communicate()
    return {
        "seconds": seconds,
        "code": survivor.returncode,
        "message": message[:1],
        "errors": errors[-2000:] if not message else "",
        "killed after": before,
        "went on to": after,
    }


def coordinator(folder):
    """As `loss`, with process 0, which the others find one another by."""
    return loss(folder, victim=0)


def _wait_for_checkpoint(pair, folder, after):
    """Name of the first checkpoint beyond another one."""
    limit = time.monotonic() + 300
    while not (names := [p.name for p in folder.glob("step-*.npz") if p.name > after]):
        for process in pair:
            assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit, "no new checkpoint in 300 s"
        time.sleep(0.2)
    return max(names)


if __name__ == "__main__":
    cases = (processes, devices, loss, coordinator)
    what = {case.__name__: case for case in cases}[sys.argv[1]]
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(what(pathlib.Path(name))))
