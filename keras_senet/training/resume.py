"""Going on with a run, and only with the same run."""

import dataclasses
import hashlib
import json

import keras

from keras_senet.training.saving import Position

RESUMES = ("auto", "never", "must")


def describe(architecture, dataset, recipe, weights, precision, seed):
    """What a run is, in JSON's types; a run that goes on must have the same description."""
    labels = hashlib.sha256(b"".join(s.labels.tobytes() for s in dataset.splits.values()))
    description = {
        "architecture": dataclasses.asdict(architecture),
        "data": {
            "name": dataset.name,
            "class_names": dataset.class_names,
            "image_size": dataset.image_size,
            "view": dataclasses.asdict(dataset.seen),
            "training_images": len(dataset.training),
            "held_out_images": len(dataset.held_out),
            **({} if dataset.test is None else {"test_images": len(dataset.test)}),
            "labels_sha256": labels.hexdigest(),
        },
        "recipe": dataclasses.asdict(recipe),
        "weights": None if weights is None else str(weights),
        "precision": precision,
        "seed": seed,
        "backend": keras.backend.backend(),
    }
    return json.loads(json.dumps(description, default=str))


def newest(checkpoints, description, resume):
    """What a run goes on from.

    Args:
        checkpoints: `Checkpoints` of the run.
        description: Its `describe`.
        resume: `"auto"`: from the newest checkpoint if there is one; `"must"`: an error without
            one; `"never"`: from the beginning.

    Returns:
        The `Position`, and the arrays of the checkpoint (or `None`).

    Raises:
        ValueError: If there is none and must be one, none can be read, or it is of another run.
    """
    if resume not in RESUMES:
        raise ValueError(f"Argument `resume` must be one of {RESUMES}. Received: {resume!r}")
    saved = None if resume == "never" else checkpoints.newest()
    if saved is None:
        if resume == "must":
            raise ValueError(
                f"There is no checkpoint in {checkpoints.folder} to go on from. "
                "`resume='auto'` starts anew then."
            )
        return Position(), None
    facts, arrays = saved
    check_same(facts.pop("run"), description, checkpoints.folder)
    return Position(**facts), arrays


def check_same(saved, now, folder):
    """Raises a `ValueError` that names the fields in which two descriptions differ."""
    saved, now = dict(_fields(saved)), dict(_fields(now))
    changes = [
        f"{name} was {saved.get(name)!r} and is {now.get(name)!r}"
        for name in sorted({*saved, *now})
        if saved.get(name) != now.get(name)
    ]
    if changes:
        raise ValueError(
            f"{folder} has checkpoints of another run: {'; '.join(changes)}. Choose another "
            "folder, or `resume='never'` to start anew and remove them."
        )


def _fields(description, prefix=""):
    for name, value in description.items():
        if isinstance(value, dict):
            yield from _fields(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
