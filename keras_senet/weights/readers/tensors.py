"""Tensors of a weights file by its kind, read without running any code from it."""

import pathlib
import re

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from keras_senet.weights.readers.caffe import read_caffemodel
from keras_senet.weights.readers.keras_applications import read_applications_h5
from keras_senet.weights.readers.pytorch import read_checkpoint

TORCH_SUFFIXES = (".pth", ".pt", ".bin", ".ckpt", ".tar")
SHARD = re.compile(r"(.+)-\d+-of-(?!0*1\.)\d+\.(safetensors|bin)")
SUFFIXES = (".safetensors", *TORCH_SUFFIXES, ".caffemodel", ".h5")


def read_tensors(path):
    """Reads every tensor of a weights file, named and ordered as in PyTorch.

    Args:
        path: Path of the file, its suffix in any case: `.safetensors`, a PyTorch checkpoint
            (`.pth`, `.pt`, `.bin`, `.ckpt`, `.pth.tar`, which need PyTorch and are read with
            `weights_only=True`), `.caffemodel`, or the `.h5` of `keras.applications`.

    Returns:
        A dict from tensor names to numpy arrays, floating-point ones as float32.

    Raises:
        ValueError: If the file is missing, of another kind, truncated or without tensors.
        ImportError: If the library that reads such files is not installed.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise ValueError(f"No weights file at {path}. Expected an existing file.")
    _refuse_shards(path)
    suffix = path.suffix.lower()
    if suffix == ".safetensors":
        return _numpy(path, _safetensors(path))
    if suffix in TORCH_SUFFIXES:
        return _numpy(path, read_checkpoint(path))
    if suffix == ".caffemodel":
        return _numpy(path, read_caffemodel(path))
    if suffix == ".h5":
        return _numpy(path, read_applications_h5(path))
    raise ValueError(
        f"Cannot read weights from {path}. Expected a file that ends in .safetensors, "
        f"{', '.join(TORCH_SUFFIXES)}, .caffemodel, .h5 or .weights.h5."
    )


def _refuse_shards(path):
    name = path.name.lower()
    shard = SHARD.fullmatch(name)
    if name.endswith(".index.json") or shard:
        raise ValueError(
            f"{path} is one of several files with parts of a network. Expected one file. Join "
            "them:\n"
            "  state = {k: v for f in files for k, v in safetensors.torch.load_file(f).items()}\n"
            "  safetensors.torch.save_file(state, 'joined.safetensors')"
        )


def _safetensors(path):
    try:
        return load_file(path)
    except (SafetensorError, OSError, KeyError) as error:
        raise ValueError(
            f"{path} is not a safetensors file, or it is truncated: {error}. Fetch it again."
        ) from error


def _numpy(path, tensors):
    if not tensors:
        raise ValueError(f"{path} holds no tensors. Expected the weights of a network.")
    # ml_dtypes' bfloat16, as read from safetensors, is of numpy's kind "V".
    return {
        name: value.astype(np.float32, copy=False) if value.dtype.kind in "fV" else value
        for name, value in tensors.items()
    }
