"""Packages that a part of this one needs, and that `pip install keras-senet` does not bring."""

import importlib
import importlib.util
import types

# Of packages that are installed by another name than they are imported by.
INSTALLED_AS = {
    "PIL": "pillow",
    "absl": "absl-py",
    "ai_edge_litert": "ai-edge-litert",
    "litert_quantizer": "litert-quantizer",
    "google": "protobuf",
    "sklearn": "scikit-learn",
    "tensorflow_datasets": "tensorflow-datasets",
}


def needed(name: str, extra: str, what: str) -> types.ModuleType:
    """Imports a module of another package.

    Args:
        name: As in an import statement, `"safetensors.numpy"`.
        extra: The extra of this package that brings it.
        what: What needs it, the subject of the message.

    Raises:
        ImportError: If it is not installed; the message says what to do.

    Example:
        >>> needed("h5py", "weights", "Reading model.h5").__name__
        'h5py'
    """
    check_installed(name, extra, what)
    return importlib.import_module(name)


def check_installed(name: str, extra: str, what: str) -> None:
    """Raises the ImportError of `needed` without importing anything."""
    package = name.partition(".")[0]
    try:
        found = importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # the package around it is missing
        found = False
    if not found:
        raise ImportError(
            f"{what} needs {INSTALLED_AS.get(package, package)}: pip install "
            f"'keras-senet[{extra}]'",
            name=package,
        )
