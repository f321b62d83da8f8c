"""HDF5 files: the arrays and texts in the file itself; links to elsewhere are refused."""

import contextlib
import math

from keras_senet.extras import needed

DEEPEST = 12  # groups inside of groups; Keras' own files have 8


def read_datasets(path, content=None, without=()):
    """Reads every array of numbers in an HDF5 file.

    Links to other files or places, data kept in other files, compressed data, and arrays that are
    larger than the file are refused before anything is read.

    Args:
        path: Path of the file.
        content: Opened HDF5 file inside of `path` to read, or `None` for `path` itself.
        without: Names of groups at the top to leave out, such as `"optimizer"`.

    Returns:
        A dict from the paths in the file, `"group/name"`, to numpy arrays.

    Raises:
        ValueError: If it is no HDF5 file, is truncated, or holds what is refused.
        ImportError: If h5py is not installed.
    """
    with _opened(path, content) as (h5py, file):
        budget = file.id.get_filesize()
        arrays = {}
        for name, item in _items(h5py, file.id, path):
            if not isinstance(item, h5py.h5d.DatasetID) or name.split("/")[0] in without:
                continue
            _check(h5py, item, name, path)
            dataset = h5py.Dataset(item)
            budget -= math.prod(dataset.shape) * dataset.dtype.itemsize
            if budget < 0:
                raise ValueError(f"The arrays of {path} are larger than the file.")
            arrays[name] = dataset[()]
        return arrays


def read_attributes(path, names, content=None):
    """Reads texts that an HDF5 file keeps beside its groups.

    Args:
        path: Path of the file.
        names: Names of the attributes.
        content: Opened HDF5 file inside of `path` to read, or `None` for `path` itself.

    Returns:
        A dict from the paths of groups with such texts to dicts from names to texts.
    """
    with _opened(path, content) as (h5py, file):
        found = {}
        for name, item in _items(h5py, file.id, path):
            if isinstance(item, h5py.h5g.GroupID):
                attributes = h5py.Group(item).attrs
                texts = {key: attributes[key] for key in names if key in attributes}
                found[name] = {key: x for key, x in texts.items() if isinstance(x, str)}
        return {name: texts for name, texts in found.items() if texts}


@contextlib.contextmanager
def _opened(path, content):
    h5py = needed("h5py", "weights", f"Reading {path}")
    try:
        with h5py.File(content or path, "r") as file:
            yield h5py, file
    except (OSError, KeyError, RuntimeError, TypeError) as error:
        raise ValueError(
            f"{path} is not an HDF5 file of weights, or it is truncated: {error}. Fetch it again."
        ) from error


def _items(h5py, group, path):
    """Pairs of a name and a group or dataset in the file itself, in the order of names."""
    visited = set()

    def walk(group, prefix, depth):
        address = h5py.h5o.get_info(group).addr
        if depth > DEEPEST or address in visited:
            raise ValueError(f"{path} has groups in a circle, or deeper than {DEEPEST}: {prefix}")
        visited.add(address)
        for key in group:
            name = prefix + key.decode("utf-8", "replace")
            if group.links.get_info(key).type != h5py.h5l.TYPE_HARD:
                raise ValueError(f"{path} has a link to another place at {name!r}. Refused.")
            item = h5py.h5o.open(group, key)
            yield name, item
            if isinstance(item, h5py.h5g.GroupID):
                yield from walk(item, f"{name}/", depth + 1)

    yield from walk(group, "", 0)


def _check(h5py, dataset, name, path):
    properties = dataset.get_create_plist()
    layout = properties.get_layout()
    if properties.get_external_count() or layout == h5py.h5d.VIRTUAL:
        raise ValueError(f"{path} keeps {name!r} in another file. Refused.")
    if properties.get_nfilters():
        raise ValueError(f"{path} has compressed data at {name!r}. Expected plain arrays.")
    kind = dataset.dtype.kind
    # Keras' files of whole models hold texts; weights do not.
    if kind not in "fiub" or dataset.dtype.hasobject:
        raise ValueError(f"{path} has {name!r} of dtype {dataset.dtype}. Expected numbers.")
