"""Kills a run again and again and compares it with one that was left alone: `survive.py KILLS`.

Moments are random; every other kill waits until a checkpoint is being written. Runs on the
backend that `KERAS_BACKEND` names.
"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import numpy as np

WORKER = pathlib.Path(__file__).with_name("worker.py")
OPTIONS = {"recipe": {"epochs": 6}, "checkpoint_steps": 1}  # 66 steps
DEADLINE = 300  # seconds for a process to get going


def start(workdir, options=OPTIONS):
    """A training process."""
    command = [sys.executable, str(WORKER), str(workdir), json.dumps(options)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def names(workdir):
    """Checkpoints, complete or not."""
    return {path.name for path in (workdir / "checkpoints").glob("*")}


def kill(process, workdir, rng, while_writing):
    """Kills a process after some new checkpoints; returns what it left in the folder."""
    limit, before, new = time.monotonic() + DEADLINE, names(workdir), set()
    for _ in range(rng.randint(1, 3)):
        while process.poll() is None and time.monotonic() < limit:
            new = {name for name in names(workdir) - before if not name.startswith(".")}
            if new:
                break
            time.sleep(0.001)
        before |= new
    if while_writing:
        while process.poll() is None and time.monotonic() < limit:
            if any(name.startswith(".") for name in names(workdir)):
                break
    else:
        time.sleep(rng.uniform(0, 0.3))
    process.kill()
    process.wait()
    return names(workdir)


def finish(workdir, options=OPTIONS):
    """Runs to the end; returns the last checkpoint's facts and arrays."""
    from keras_senet.training.checkpoints import read_checkpoint

    process = start(workdir, options)
    _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, errors
    return read_checkpoint(sorted((workdir / "checkpoints").glob("step-*.npz"))[-1])


def compare(kills, folder, seed=0):
    """Kills one run `kills` times and leaves another alone.

    Returns:
        How many kills found a checkpoint half written, and the names of what differs.
    """
    rng = random.Random(seed)
    facts, arrays = finish(folder / "alone")
    killed = folder / "killed"
    half_written = 0
    for number in range(kills):
        left = kill(start(killed), killed, rng, while_writing=number % 2 == 1)
        half_written += any(name.startswith(".") for name in left)
    resumed_facts, resumed = finish(killed)
    assert not any(name.startswith(".") for name in names(killed)), "a resumed run tidies up"
    different = [name for name in arrays if not np.array_equal(arrays[name], resumed[name])]
    different += [
        name for name in ("step", "rows", "best_step") if facts[name] != resumed_facts[name]
    ]
    for file in ("history.csv",):
        if (folder / "alone" / file).read_bytes() != (killed / file).read_bytes():
            different.append(file)
    return half_written, different


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        half_written, different = compare(int(sys.argv[1]), pathlib.Path(folder))
    print(
        f"{sys.argv[1]} kills, {half_written} during a write; different: {different or 'nothing'}"
    )
    sys.exit(bool(different))
