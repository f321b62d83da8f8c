"""Which run a folder holds: network, data, recipe and start, compared when it goes on."""

import contextlib
import csv
import dataclasses
import gzip
import hashlib
import io
import json
import os

import keras
import numpy as np

from keras_senet.data import Split
from keras_senet.data.image_files import listed
from keras_senet.data.subset import evenly_spaced
from keras_senet.files import replacing

IMAGES = "images.csv.gz"
LOOKED_AT = 1000  # images of a split whose contents tell it from another one
DIGESTS = ("data.images_sha256", "data.files_sha256")  # which runs of earlier versions lack
# Where the data lie does not matter, what they are called even less; the digest of images does.
NOT_COMPARED = ("data.name", "data.source", "weights.name")


@dataclasses.dataclass(frozen=True)
class Identity:
    """The settings of a run, and the images that it learns from and is judged on.

    Attributes:
        description: The settings, in JSON's types.
        images: A row `(split, image, label)` for each image in its order, of files the path within
            the folder of them all: the folder may move. Any number of labels are `"0 1 1"`.
        defaults: Values of the fields that a run of an earlier version may lack.
    """

    description: dict
    images: list
    defaults: dict

    def check(self, saved, checkpoints):
        """Raises a `ValueError` that names what a run to go on with has other than this one.

        Args:
            saved: The `description` in its checkpoint.
            checkpoints: Folder of its checkpoints.
        """
        before, now = dict(_fields(saved)), dict(_fields(self.description))
        if isinstance(saved.get("weights"), str):  # of earlier versions: the path as it was given
            before["weights.name"] = before.pop("weights")
            before["weights.sha256"] = now.get("weights.sha256")
        before = {**{name: now[name] for name in DIGESTS}, **before}
        if not any(name.startswith("recipe.augmentation.") for name in before):
            # Of earlier versions: they did not say that of the data set.
            before.pop("recipe.augmentation", None)
            before |= {k: v for k, v in now.items() if k.startswith("recipe.augmentation")}
        names = [
            name
            for name in sorted({*before, *now})
            if name not in NOT_COMPARED
            and before.get(name, self.defaults.get(name)) != now.get(name)
        ]
        if names == ["recipe.epochs"]:
            self._check_extension(before, now, checkpoints.parent)
            return
        changes = [
            f"{name} was {before.get(name, self.defaults.get(name))!r} and is {now.get(name)!r}"
            for name in names
            if not name.endswith("_sha256")
        ]
        if {*DIGESTS, "data.labels_sha256"} & {*names}:
            changes.append(self._changed_images(checkpoints.parent))
        if "weights.sha256" in names:
            was, is_ = (fields.get("weights.name") for fields in (before, now))
            changes.append(f"the weights to start from were {was!r} and are {is_!r}, another file")
        if changes:
            raise ValueError(
                f"{checkpoints} has checkpoints of another run: {'; '.join(changes)}. Choose "
                "another folder, or `resume='never'` to start anew and remove them."
            )

    def write_images(self, workdir):
        """Writes `images.csv.gz`: the split, name and label of every image of the run."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("split", "image", "label"))
        writer.writerows(self.images)
        with replacing(workdir / IMAGES) as partial:
            # Without the time of day: the same images are the same bytes.
            partial.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))

    def _check_extension(self, before, now, workdir):
        """Raises a `ValueError` unless the epochs done are the same in a run of other length."""
        was, is_ = before["recipe.epochs"], now["recipe.epochs"]
        shape = now["recipe.schedule"]
        if shape != "step":
            raise ValueError(
                f"{workdir} is a run of {was} epochs, received {is_}. Its {shape} schedule falls "
                f"to 0 in {was} epochs; for {is_} each epoch would have had another learning rate. "
                f"Go on from its result in another folder, by weights={workdir}/model.keras and a "
                "low learning rate; schedule='step' can be made longer."
            )

    def _changed_images(self, workdir):
        """In words, which images of the run are gone, and which are new."""
        saved = read_images(workdir)
        if saved is None:
            return "its images or their labels are others"
        images = [(split, name, str(label)) for split, name, label in self.images]
        before, now = ({name for _, name, _ in rows} for rows in (saved, images))
        parts = [
            f"{what}: {listed(sorted(names))}"
            for what, names in (("images gone", before - now), ("images new", now - before))
            if names
        ]
        if parts:
            return "; ".join(parts)
        moved = [name for _, name, _ in sorted({*images} - {*saved})]
        if moved:
            return f"images have another split or label: {listed(moved)}"
        return "its images have another order" if saved != images else "its pixels or files differ"


def read_images(workdir):
    """The rows `(split, image, label)` that a run wrote, or `None` where they cannot be read."""
    try:
        with gzip.open(workdir / IMAGES, "rt", newline="", encoding="utf-8") as file:
            return [(split, name, label) for split, name, label in list(csv.reader(file))[1:]]
    except (OSError, EOFError, ValueError):
        return None


def identify(architecture, dataset, recipe, weights, precision, seed):
    """The `Identity` of a run.

    Args:
        architecture: A `keras_senet.architectures.Architecture`.
        dataset: A `keras_senet.data.Dataset`.
        recipe: A `Recipe`.
        weights: Path or name of the weights to start from, or `None`.
        precision: Precision of activations.
        seed: Seed of weights, order and augmentation.
    """
    labels = hashlib.sha256(b"".join(s.labels.tobytes() for s in dataset.splits.values()))
    images = images_of(dataset)
    description = {
        "architecture": dataclasses.asdict(architecture),
        "data": {
            "name": dataset.name,
            "source": dataset.source,
            "division": dataset.division,
            "class_names": dataset.class_names,
            **({"multi_label": True} if dataset.multi_label else {}),
            "image_size": dataset.image_size,
            "view": dataclasses.asdict(dataset.seen),
            "training_images": len(dataset.training),
            "held_out_images": len(dataset.held_out),
            **({} if dataset.test is None else {"test_images": len(dataset.test)}),
            "labels_sha256": labels.hexdigest(),
            "images_sha256": _digest(dataset, images),
            "files_sha256": _files_digest(dataset),
        },
        "recipe": dataclasses.asdict(recipe),
        "weights": _weights(weights),
        "precision": precision,
        "seed": seed,
        "backend": keras.backend.backend(),
    }
    defaults = {
        **_defaults(architecture, "architecture."),
        **_defaults(recipe, "recipe."),
        **_defaults(dataset.seen, "data.view."),
    }
    return Identity(_as_json(description), images, _as_json(defaults))


def images_of(dataset):
    """Rows `(split, image, label)` of all images."""
    splits = dataset.splits
    names = {what: [s.name(n) for n in range(len(s))] for what, s in splits.items() if _files(s)}
    paths = [name for of_split in names.values() for name in of_split]
    start = len(_above(paths)) if paths else 0
    rows = []
    for what, split in splits.items():
        if what in names:
            of_split = [name[start:] for name in names[what]]
        elif split.holds_pixels:
            of_split = list(map(str, range(len(split))))
        else:  # records, whose names have no folder
            of_split = [split.name(number) for number in range(len(split))]
        labels = split.labels.tolist()
        if split.multi_label:
            labels = [" ".join(map(str, row)) for row in labels]
        rows += zip([what] * len(split), of_split, labels, strict=True)
    return rows


def _above(paths):
    """The folder above all of some paths, with a slash: another disk, perhaps, tomorrow."""
    ends = {os.path.dirname(min(paths)), os.path.dirname(max(paths))}
    if len({os.path.isabs(end) for end in ends}) > 1:
        return ""
    above = os.path.commonpath(ends)
    return above if above in ("", os.sep) else f"{above}{os.sep}"


def _files(split):
    return isinstance(split, Split) and not split.holds_pixels


def _digest(dataset, images):
    """A digest of names, labels and order, and of pixels in memory."""
    digest = hashlib.sha256(json.dumps(images).encode())
    for split in dataset.splits.values():
        if split.holds_pixels:
            digest.update(np.ascontiguousarray(split.items[_some(split)]).tobytes())
    return digest.hexdigest()


def _files_digest(dataset):
    """A digest of the bytes of some files or records of each split, whatever their names."""
    digest = hashlib.sha256()
    for split in dataset.splits.values():
        for index in () if split.holds_pixels else _some(split):
            with contextlib.suppress(OSError):  # an unreadable image is told where it is read
                digest.update(split.encoded(index))
    return digest.hexdigest()


def _some(split):
    """Positions of images that tell a split from another one, evenly spaced."""
    return evenly_spaced(len(split), LOOKED_AT)


def _weights(weights):
    """Name and digest of the weights to start from; public weights have a name alone."""
    if weights is None:
        return None
    name = os.fspath(weights)
    path = os.path.expanduser(name)
    if not os.path.isfile(path):
        return {"name": name, "sha256": name}
    with open(path, "rb") as file:
        return {"name": name, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _defaults(value, prefix):
    """Defaults of a value's fields, and of those of the values in it: flat name to default."""
    found = {}
    for field in dataclasses.fields(value):
        inner = getattr(value, field.name)
        if field.default is not dataclasses.MISSING:
            found.update(_fields({f"{prefix}{field.name}": field.default}))
        if dataclasses.is_dataclass(inner):
            found.update(_defaults(inner, f"{prefix}{field.name}."))
    return found


def _as_json(value):
    return json.loads(json.dumps(value, default=str))


def _fields(description, prefix=""):
    for name, value in description.items():
        if isinstance(value, dict):
            yield from _fields(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
