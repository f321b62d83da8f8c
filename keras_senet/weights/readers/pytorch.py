"""PyTorch checkpoints: pickles, read without running anything in them."""

import contextlib
import tarfile

from keras_senet.weights.readers import pickles
from keras_senet.weights.readers.state_dicts import find_state_dict


def read_checkpoint(path):
    """The network's tensors in a `.pth` file.

    The file holds a state_dict, or a dict with one in it: see `find_state_dict`.

    Args:
        path: `pathlib.Path` of the file, a zip archive or, before PyTorch 1.6, pickles in a row.

    Returns:
        A dict from names to numpy arrays.

    Raises:
        ValueError: If it is truncated, compressed, names code, holds no tensors or several
            networks, or its tensors are larger than the file.
        ImportError: If PyTorch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            f"Reading {path} needs PyTorch (pip install torch). Without it, use the "
            ".safetensors file of the same weights."
        ) from error
    content = _load(torch, path)
    state = find_state_dict(content, lambda value: isinstance(value, torch.Tensor), path)
    return _numpy(state, path)


def _load(torch, path):
    try:
        program = pickles.is_program(path)
        names = set() if program else pickles.names_in(path)
    except Exception as error:  # zipfile and pickletools raise half a dozen kinds
        raise _broken(path, error) from error
    if program:
        raise ValueError(
            f"{path} is a TorchScript program, not a checkpoint of plain tensors. "
            + _conversion(path, "torch.jit.load({}, map_location='cpu').state_dict()")
        )
    refused = pickles.refused(names)
    if refused:
        module = any(name.startswith("torch.nn.modules") for name in refused)
        kind = "a whole network" if module else "code"
        suffix = ".state_dict()" if module else "  # its state_dict"
        raise ValueError(
            f"{path} is not a PyTorch checkpoint of plain tensors: it names {refused[0]!r}, "
            f"{kind} that reading it would run. "
            + _conversion(path, f"torch.load({{}}, map_location='cpu', weights_only=False){suffix}")
        )
    # PyTorch before 2.6 has no stand-ins, and refuses everything but tensors itself.
    safe = getattr(torch.serialization, "safe_globals", lambda _: contextlib.nullcontext())
    try:
        with safe(pickles.stand_ins(names)):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds for broken or hostile pickles
        raise _broken(path, error) from error


def _broken(path, error):
    if tarfile.is_tarfile(path):
        error = "it is a tar archive, to be unpacked"
    first = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return ValueError(
        f"{path} is not a PyTorch checkpoint of plain tensors, or it is truncated: {first}"
    )


def _conversion(path, load):
    """The lines of Python that turn a trusted file into one of tensors only."""
    name = path.name
    return (
        "If you trust it, convert it:\n"
        f"  state = {load.format(repr(name))}\n"
        f"  safetensors.torch.save_file(state, {name.split('.')[0] + '.safetensors'!r})"
    )


def _numpy(state, path):
    """Tensors as arrays, floating-point ones as float32; tied tensors share one array."""
    arrays, views, size = {}, {}, 0
    for name, tensor in state.items():
        value = tensor.detach()
        view = views[name] = (value.data_ptr(), value.dtype, value.shape, value.stride())
        if view in arrays:
            continue
        # A tensor that repeats one number along a stride of 0 can be of any size.
        size += value.numel() * value.element_size()
        if size > path.stat().st_size:
            raise ValueError(f"The tensors of {path} are larger than the file. Fetch it again.")
        arrays[view] = (value.float() if value.is_floating_point() else value).numpy()
    return {name: arrays[view] for name, view in views.items()}
