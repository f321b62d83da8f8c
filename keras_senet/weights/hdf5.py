"""HDF5 files: what is in them, and nothing that they point to."""

import math

import numpy as np

DEEPEST = 12  # groups inside of groups; Keras' own files have 8


def read_datasets(path):
    """Reads every array of numbers in an HDF5 file.

    Links to other files or places, data kept in other files, compressed data, and arrays that are
    larger than the file are refused before anything is read.

    Args:
        path: Path of the file.

    Returns:
        A dict from the paths in the file, `"group/name"`, to numpy arrays.

    Raises:
        ValueError: If it is no HDF5 file, is truncated, or one of the above.
        ImportError: If h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError(f"Reading {path} needs h5py: pip install 'keras-senet[weights]'") from (
            error
        )
    try:
        with h5py.File(path, "r") as file:
            budget = file.id.get_filesize()
            arrays = {}
            for name, dataset in _datasets(h5py, file.id, path):
                budget -= math.prod(dataset.shape) * dataset.dtype.itemsize
                if budget < 0:
                    raise ValueError(f"The arrays of {path} are larger than the file.")
                arrays[name] = dataset[()]
            return arrays
    except (OSError, KeyError, RuntimeError, TypeError) as error:
        raise ValueError(
            f"{path} is not an HDF5 file of weights, or it is truncated: {error}. Fetch it again."
        ) from error


def _datasets(h5py, group, path):
    """Pairs of a name and a dataset that is safe to read, in the order of names."""
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
            if isinstance(item, h5py.h5g.GroupID):
                yield from walk(item, f"{name}/", depth + 1)
            elif isinstance(item, h5py.h5d.DatasetID):
                _check(h5py, item, name, path)
                yield name, h5py.Dataset(item)

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


def check_keras_weights(path):
    """Checks a file of `model.save_weights` before Keras reads it.

    Raises:
        ValueError: As `read_datasets`, and for values that are not finite.
    """
    for name, value in read_datasets(path).items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise ValueError(f"Array {name!r} of {path} has values that are not finite.")
