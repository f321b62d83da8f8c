"""Names in a pickle: of tensors, of objects to pass over, and of code, which is refused unread."""

import pickletools
import zipfile

# Names in the pickle of a state_dict.
TENSORS = (
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_tensor",
    "torch._utils _rebuild_parameter",
    "torch BFloat16Storage",
    "torch BoolStorage",
    "torch ByteStorage",
    "torch CharStorage",
    "torch DoubleStorage",
    "torch FloatStorage",
    "torch HalfStorage",
    "torch IntStorage",
    "torch LongStorage",
    "torch ShortStorage",
    "torch.storage TypedStorage",
    "torch.storage UntypedStorage",
    "torch Size",
)
# Names beside the tensors that PyTorch reads by itself, without running anything.
PLAIN = (
    "_codecs encode",  # bytes
    "__builtin__ set",
    "builtins set",
    "collections Counter",
    "torch device",
    *(
        f"torch {name}"
        for name in (
            *("float64", "float32", "float16", "bfloat16"),
            *("int64", "int32", "int16", "int8", "uint8", "bool"),
        )
    ),
)
# Names beside the tensors that PyTorch refuses: each gets a stand-in of ours (a dict or an object
# that keeps nothing), so that nothing of these names is imported or called.
MAPPINGS = (
    "collections defaultdict",
    "easydict EasyDict",
    "lightning.fabric.utilities.data AttributeDict",
    "lightning_fabric.utilities.data AttributeDict",
    "pytorch_lightning.utilities.parsing AttributeDict",
    "lightning.pytorch.utilities.parsing AttributeDict",
)
OBJECTS = (
    *(
        f"{module} {name}"
        for module in ("__builtin__", "builtins")
        for name in (
            *("bool", "complex", "dict", "float", "frozenset", "int", "list", "long"),
            *("object", "str", "tuple", "unicode"),
        )
    ),
    "argparse Namespace",
    "types SimpleNamespace",
    "numpy dtype",
    "numpy ndarray",
    *(
        f"{module}.{name}"
        for module in ("numpy.core", "numpy._core")
        for name in ("multiarray scalar", "multiarray _reconstruct", "numeric _frombuffer")
    ),
    "datetime date",
    "datetime datetime",
    "datetime timedelta",
    *(
        f"{module} {kind}{name}"
        for module in ("pathlib", "pathlib._local")
        for kind in ("", "Pure")
        for name in ("Path", "PosixPath", "WindowsPath")
    ),
)
OBJECT_MODULES = ("torch.optim.", "numpy.dtypes ")  # optimizers and schedulers, saved whole
LARGEST_PICKLE = 100_000_000  # bytes; that of SENet-154 has 100,000
LEGACY_PICKLES = 5  # magic number, version, system, content, keys; the numbers follow


class Mapping:
    """Stands for a dict of another class."""

    def __new__(cls, *_):
        """An empty dict, to be filled."""
        return {}


class Object:
    """Stands for an object that is no tensor, and keeps nothing of it."""

    def __new__(cls, *_, **__):
        """An object without anything."""
        return super().__new__(cls)

    def __init__(self, *_, **__):
        """Takes any arguments."""

    def __setstate__(self, state):
        """Takes any state."""


def names_in(path):
    """All names in the pickles of a checkpoint, as `"module name"`; nothing is unpickled.

    Args:
        path: `pathlib.Path` of the file, a zip archive or, before PyTorch 1.6, pickles in a row.

    Raises:
        ValueError: If the file is compressed, or a pickle in it is larger than `LARGEST_PICKLE`.
    """
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            return {name for _ in range(LEGACY_PICKLES) for name in _names(file)}
    found = set()
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"its entry {entry.filename!r} is compressed")
            if entry.filename.endswith(".pkl"):
                if entry.file_size > LARGEST_PICKLE:
                    raise ValueError(f"its {entry.filename!r} has {entry.file_size:,} bytes")
                found.update(_names(archive.read(entry)))
    return found


def is_program(path):
    """Whether a file is a TorchScript archive, which holds the code of its network."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())


def _names(pickle):
    for opcode, argument, _ in pickletools.genops(pickle):
        if opcode.name in ("STACK_GLOBAL", "EXT1", "EXT2", "EXT4", "INST"):
            yield f"{argument or 'a global of pickle protocol 4'}"
        if opcode.name == "GLOBAL":
            yield argument


def refused(names):
    """The names that are code, sorted."""
    known = {*TENSORS, *PLAIN, *MAPPINGS, *OBJECTS}
    return sorted(
        name for name in names if name not in known and not name.startswith(OBJECT_MODULES)
    )


def stand_ins(names):
    """Pairs of a class of ours and the full name that it stands for, for `safe_globals`."""
    pairs = []
    for name in sorted(set(names) - {*TENSORS, *PLAIN}):
        full = name.replace("__builtin__ ", "builtins ").replace(" ", ".")
        pairs.append((Mapping if name in MAPPINGS else Object, full))
    return pairs
