"""What Keras writes: `.weights.h5`, `.weights.json` with its parts, and `.keras`.

Read as arrays and texts: no layer of the file is made, and nothing in it is run.
"""

import dataclasses
import io
import json
import pathlib
import zipfile

import numpy as np

from keras_senet.layers import facts
from keras_senet.weights.readers.hdf5 import read_attributes, read_datasets

SUFFIXES = (".weights.h5", ".weights.json", ".keras")
WEIGHTS, CONFIG = "model.weights.h5", "config.json"  # inside of `.keras`
LARGEST_TEXT = 100_000_000  # bytes; the configuration of SENet-154 has 500,000


@dataclasses.dataclass
class StoredLayer:
    """A layer in a file.

    Attributes:
        key: Its group: the class and a number, `"conv2d_3"`.
        name: Its name, `None` in files of old versions of Keras.
        facts: What our layers write beside their arrays, or `None`.
        arrays: Arrays by their keys: `"0"`, `"1"` or, in a layer inside of it, `"reduce/0"`.
    """

    key: str
    name: str | None = None
    facts: dict | None = None
    arrays: dict = dataclasses.field(default_factory=dict)


def read_keras_file(path):
    """The layers in a file of Keras, model by model.

    Args:
        path: `pathlib.Path` of the file.

    Returns:
        A dict from the place of a model (`""`, or that of a model inside of another) to a list of
        `StoredLayer`.

    Raises:
        ValueError: If it is no such file, is truncated, holds compressed or linked data, or values
            that are not finite.
    """
    models: dict[str, dict[str, StoredLayer]] = {}
    for content in _contents(path):
        arrays = read_datasets(path, content, without=("optimizer",))
        texts = read_attributes(path, ("name", facts.ATTRIBUTE), content)
        for name, value in arrays.items():
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                raise ValueError(f"Array {name!r} of {path} has values that are not finite.")
            group, _, index = name.rpartition("/")
            if layer := _layer(models, group):
                stored, inner = layer
                stored.arrays[inner + index] = value
        for group, attributes in texts.items():
            layer = _layer(models, group)
            if layer and not layer[1]:
                layer[0].name = attributes.get("name", layer[0].name)
                layer[0].facts = facts.parse(attributes.get(facts.ATTRIBUTE)) or layer[0].facts
    return {place: list(layers.values()) for place, layers in models.items()}


def read_config(path):
    """The configuration in a `.keras` file, a dict; `None` for other files."""
    if path.suffix != ".keras":
        return None
    with _archive(path) as archive:
        try:
            return json.loads(_entry(archive, CONFIG, path, most=LARGEST_TEXT))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{CONFIG} of {path} cannot be read. Save the model again.") from error


def _layer(models, group):
    """The layer of a group and the place in it: `layers/conv2d/vars`, `.../reduce/vars`."""
    *parts, last = group.split("/")
    if last != "vars" or "layers" not in parts:
        return None
    start = len(parts) - 1 - parts[::-1].index("layers")
    if start + 1 >= len(parts):
        return None
    place, key, inner = "/".join(parts[:start]), parts[start + 1], parts[start + 2 :]
    layer = models.setdefault(place, {}).setdefault(key, StoredLayer(key))
    return layer, "".join(f"{part}/" for part in inner)


def _contents(path):
    """The HDF5 files to read: `path` itself (`None`), its parts, or the one in an archive."""
    if path.suffix == ".keras":
        with _archive(path) as archive:
            return [io.BytesIO(_entry(archive, WEIGHTS, path, most=path.stat().st_size))]
    if path.suffix != ".json":
        return [None]
    try:
        parts = json.loads(path.read_bytes())["weight_map"].values()
        names = {name for part in parts for name in ([part] if isinstance(part, str) else part)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} does not list the parts of a weights file.") from error
    return [_part(path, name).open("rb") for name in sorted(names)]


def _part(path, name):
    part = path.with_name(str(pathlib.PurePath(name).name))
    if str(name) != part.name or not part.is_file():
        raise ValueError(f"{path} names a part {name!r} that is no file beside it.")
    return part


def _archive(path):
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise ValueError(f"{path} is not a file of `model.save`, or it is truncated.") from error


def _entry(archive, name, path, most):
    try:
        entry = archive.getinfo(name)
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > most:
            raise ValueError(f"{path} has {name!r} compressed. Save the model again.")
        return archive.read(entry)
    except (KeyError, zipfile.BadZipFile, EOFError, RuntimeError) as error:
        raise ValueError(
            f"{path} has no {name!r} that can be read. Expected a file of `model.save`."
        ) from error
