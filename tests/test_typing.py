"""What is public says what it takes and returns: the package ships `py.typed`."""

import functools
import importlib
import inspect

import keras
import pytest

if keras.backend.backend() != "tensorflow":
    pytest.skip("signatures are the same on every backend", allow_module_level=True)

MODULES = ("", ".layers", ".data", ".training", ".export", ".analysis", ".weights")


def public():
    """Functions, and classes with those that they inherit from, each once."""
    found = {}
    for module in (importlib.import_module(f"keras_senet{name}") for name in MODULES):
        for value in (getattr(module, name) for name in module.__all__):
            if inspect.isfunction(value):
                found[value] = value.__name__
                continue
            for kind in (value if inspect.isclass(value) else type(value)).__mro__:
                if kind.__module__.startswith("keras_senet."):
                    found.update(methods(kind))
    return found


def methods(kind):
    """The public methods of a class, its constructor and call, and the getters of properties."""
    for name, value in vars(kind).items():
        value = getattr(value, "__func__", value)  # of class and static methods
        value = getattr(value, "fget", value)
        value = value.func if isinstance(value, functools.cached_property) else value
        if inspect.isfunction(value) and (name[0] != "_" or name in ("__init__", "__call__")):
            yield value, f"{kind.__name__}.{name}"


def unannotated(function, is_method):
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())[is_method:]
    for parameter in parameters:
        if parameter.kind != parameter.VAR_KEYWORD and parameter.annotation is parameter.empty:
            yield parameter.name
    if signature.return_annotation is signature.empty and function.__name__ != "__init__":
        yield "return"


def test_public_signatures_are_annotated():
    missing = {
        name: names
        for function, name in public().items()
        if (names := list(unannotated(function, "." in name)))
    }
    assert missing == {}
    assert len(public()) > 200
