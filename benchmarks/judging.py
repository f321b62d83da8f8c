"""The judge of converters.py: one file in one runtime, beside the Keras model."""

import dataclasses
import hashlib
import json
import pathlib
import subprocess

import numpy as np
from contenders import FOLDER

from keras_senet.export.tflite.litert import program_of

WORKER = "converters_worker.py"


@dataclasses.dataclass
class Entry:
    """A file in a runtime.

    Attributes:
        contender: Who made the file.
        format: What it calls the kind of file.
        path: The file, or `None`.
        runtime: A class of converters_worker.py.
        variant: What the runtime may use, see there.
        python: The interpreter that has the runtime.
        refusal: Why there is no file.
    """

    contender: str
    format: str
    path: pathlib.Path | None
    runtime: str
    variant: str
    python: str
    refusal: str | None = None

    @property
    def bytes(self):
        """Size of the file; OpenVINO's have their weights in a second one."""
        weights = self.path.with_suffix(".bin")
        second = weights.stat().st_size if self.path.suffix == ".xml" else 0
        return self.path.stat().st_size + second


@dataclasses.dataclass(frozen=True)
class Exam:
    """What every file is asked, and what the Keras model answers.

    Attributes:
        images: `(N, H, W, C)` uint8.
        path: A .npy file of them, for the workers.
        labels: `(N,)` class indices.
        expected: `(N, K)` probabilities of the model.
    """

    images: np.ndarray
    path: pathlib.Path
    labels: np.ndarray
    expected: np.ndarray


def classified(entry, exam, folder):
    """Outputs of all images and what the runtime says of itself; or `None` and its reason."""
    outputs = folder / "outputs.npy"
    outputs.unlink(missing_ok=True)
    arguments = {
        "runtime": entry.runtime,
        "file": entry.path,
        "images": exam.path,
        "variant": entry.variant,
        "outputs": outputs,
    }
    flags = [f"--{name}={value}" for name, value in arguments.items()]
    done = subprocess.run([entry.python, FOLDER / WORKER, *flags], capture_output=True, text=True)
    if done.returncode:
        return None, {"refusal": reason(done)}
    facts = json.loads(outputs.with_suffix(".json").read_text())
    read = facts.pop("images_sha256")
    if read != hashlib.sha256(exam.images.tobytes()).hexdigest():
        raise RuntimeError(f"{entry.contender} {entry.format} read other images than the model.")
    return np.load(outputs), facts


def reason(done):
    """Why a worker ended: what its runtime logged as an error, and the exception."""
    lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}, no message"]
    logged = [line.partition("ERROR:")[2].strip() for line in lines if "ERROR:" in line]
    return first_sentence(" ".join([*logged[:1], lines[-1]] if logged else [lines[-1]]))


def first_sentence(text):
    """The beginning of a message, in one line."""
    return " ".join(text.split())[:300]


def split(nodes, returned):
    """How XNNPACK splits a file: its pieces, and the operators outside by kind."""
    nodes = [
        # Each operator a kind of its own: `program_of` lists kinds.
        x if x["op_name"] == "DELEGATE" else {**x, "op_name": f"{x['op_name']} {x['index']}"}
        for x in nodes
    ]
    found = program_of(nodes, returned)
    outside = [name.split()[0] for name in found.undelegated]
    kinds = {kind: outside.count(kind) for kind in sorted(set(outside))}
    return {"partitions": found.partitions, "outside": kinds}


def compared(received, exam):
    """The judge of all files."""
    expected = exam.expected
    if received.shape != expected.shape or not np.isfinite(received).all():
        raise ValueError(f"Expected finite {expected.shape}. Received: {received.shape}")
    named, by_model = received.argmax(-1), expected.argmax(-1)
    return {
        "accuracy": float(np.mean(named == exam.labels)),
        "agreement": float(np.mean(named == by_model)),
        "largest_difference": float(np.abs(received - expected).max()),
    }


def judged(entry, exam, folder):
    """One row of the results; `entry.variant` becomes the kernels that ran."""
    row = {"contender": entry.contender, "format": entry.format, "runtime": entry.runtime}
    if entry.path is None:
        return {**row, "loads": False, "refusal": entry.refusal}
    row["bytes"] = entry.bytes
    received, facts = classified(entry, exam, folder)
    row["loads"] = received is not None
    if received is None:
        row["refusal"] = facts["refusal"]
        if entry.runtime != "LiteRT":
            return row
        entry.variant = "builtin"  # what the file is worth all the same
        received, facts = classified(entry, exam, folder)
        if received is None:
            return {**row, "builtin_refusal": facts["refusal"]}
    if entry.runtime == "LiteRT":
        facts = {**split(facts.pop("nodes"), facts.pop("returned")), **facts}
    return {**row, "variant": entry.variant, **facts, **compared(received, exam)}
