"""Tensors of a weights file, read without running any code from it."""

import pathlib

import numpy as np

TORCH_SUFFIXES = (".pth", ".pt", ".bin")


def read_tensors(path):
    """Reads every tensor of a `.safetensors` file or a PyTorch checkpoint.

    Args:
        path: Path of the file. `.pth`, `.pt` and `.bin` need PyTorch and are read with
            `weights_only=True`.

    Returns:
        A dict from tensor names to numpy arrays, floating-point ones as float32.

    Raises:
        ValueError: If the file is missing, of another kind, truncated or without tensors.
        ImportError: If the library that reads such files is not installed.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise ValueError(f"No weights file at {path}. Expected an existing file.")
    if path.suffix == ".safetensors":
        return _numpy(path, _safetensors(path))
    if path.suffix in TORCH_SUFFIXES:
        return _numpy(path, _torch(path))
    raise ValueError(
        f"Cannot read weights from {path}. Expected a file that ends in .safetensors, "
        f"{', '.join(TORCH_SUFFIXES)} or .weights.h5."
    )


def _safetensors(path):
    try:
        import safetensors
        from safetensors.numpy import load_file
    except ImportError as error:
        raise ImportError(
            f"Reading {path} needs safetensors: pip install 'keras-senet[weights]'"
        ) from error
    try:
        return load_file(path)
    except (safetensors.SafetensorError, OSError, KeyError) as error:
        raise ValueError(
            f"{path} is not a safetensors file, or it is truncated: {error}. Fetch it again."
        ) from error


def _torch(path):
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            f"Reading {path} needs PyTorch (pip install torch). Without it, use the "
            ".safetensors file of the same weights."
        ) from error
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds for broken or hostile pickles
        raise ValueError(
            f"{path} is not a PyTorch checkpoint of plain tensors, or it is truncated: {error}"
        ) from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict):
        raise ValueError(
            f"{path} holds a {type(content).__name__}. Expected a dict of tensors (a state_dict)."
        )
    for name, value in content.items():
        if not isinstance(value, torch.Tensor):
            raise ValueError(
                f"{path} holds {name!r}, a {type(value).__name__}. Expected tensors only."
            )
    return {
        name: (value.float() if value.is_floating_point() else value).numpy()
        for name, value in content.items()
    }


def _numpy(path, tensors):
    if not tensors:
        raise ValueError(f"{path} holds no tensors. Expected the weights of a network.")
    # ml_dtypes' bfloat16, as read from safetensors, is of numpy's kind "V".
    return {
        name: value.astype(np.float32) if value.dtype.kind in "fV" else value
        for name, value in tensors.items()
    }
