"""PyTorch checkpoints: pickles, read without running anything in them."""

import pickletools
import zipfile

# What a state_dict of tensors names; everything else is refused before unpickling.
PLAIN = (
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_tensor",
    "torch._utils _rebuild_parameter",
    "torch BFloat16Storage",
    "torch DoubleStorage",
    "torch FloatStorage",
    "torch HalfStorage",
    "torch IntStorage",
    "torch LongStorage",
    "torch.storage TypedStorage",
    "torch.storage UntypedStorage",
    "torch Size",
)
LARGEST_PICKLE = 100_000_000  # bytes; that of SENet-154 has 100,000
LEGACY_PICKLES = 5  # magic number, version, system, content, keys; the numbers follow


def read_checkpoint(path):
    """The tensors of a `.pth` file.

    Args:
        path: `pathlib.Path` of the file, a zip archive or, before PyTorch 1.6, pickles in a row.

    Returns:
        A dict from names to numpy arrays.

    Raises:
        ValueError: If it is truncated, compressed, names anything but tensors, or its tensors are
            larger than the file.
        ImportError: If PyTorch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            f"Reading {path} needs PyTorch (pip install torch). Without it, use the "
            ".safetensors file of the same weights."
        ) from error
    try:
        _refuse_code(path)
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
        if not isinstance(value, torch.Tensor) or not isinstance(name, str):
            raise ValueError(
                f"{path} holds {name!r}, a {type(value).__name__}. Expected tensors only."
            )
    # A tensor that repeats one number along a stride of 0 can be of any size.
    size = sum(value.numel() * value.element_size() for value in content.values())
    if size > path.stat().st_size:
        raise ValueError(
            f"The tensors of {path} have {size:,} bytes, more than the file. Fetch it again."
        )
    return {
        name: (value.float() if value.is_floating_point() else value).numpy()
        for name, value in content.items()
    }


def _refuse_code(path):
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            for _ in range(LEGACY_PICKLES):
                _refuse_other_globals(file)
        return
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"its entry {entry.filename!r} is compressed")
            if entry.filename.endswith(".pkl"):
                if entry.file_size > LARGEST_PICKLE:
                    raise ValueError(f"its {entry.filename!r} has {entry.file_size:,} bytes")
                _refuse_other_globals(archive.read(entry))


def _refuse_other_globals(pickle):
    for opcode, argument, _ in pickletools.genops(pickle):
        if opcode.name == "STACK_GLOBAL" or (opcode.name == "GLOBAL" and argument not in PLAIN):
            raise ValueError(f"it names {argument or 'a global'}, which is no tensor")
