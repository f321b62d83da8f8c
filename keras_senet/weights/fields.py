"""Fields of frozen dataclasses: Python's numbers in them, and their values in JSON."""

import dataclasses
import numbers
import typing

import keras


def natural(value) -> typing.Any:
    """Integers and reals of any library as Python's, in tuples too; other values as they are."""
    if isinstance(value, tuple):
        return tuple(map(natural, value))
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if isinstance(value, numbers.Real) else value


def is_integer(value):
    """Whether this is an integer, of Python or numpy, and no boolean."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def settle(instance, fields):
    """Turns the numbers in the fields of a frozen dataclass into Python's."""
    for field in fields:
        object.__setattr__(instance, field.name, natural(getattr(instance, field.name)))


def replaced(instance, changes):
    """A copy of a frozen dataclass with some fields changed.

    Raises:
        ValueError: If a field does not exist.
    """
    fields = [field.name for field in dataclasses.fields(instance)]
    for name in changes:
        if name not in fields:
            raise ValueError(
                f"{type(instance).__name__} has no field {name!r}. Its fields: {', '.join(fields)}"
            )
    return dataclasses.replace(instance, **changes)


def plain(value) -> typing.Any:
    """A field's value in JSON's types: dataclasses as dicts, tuples as lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, (tuple, list)):
        return [plain(one) for one in value]
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, numbers.Number):
        return natural(value)
    return keras.activations.serialize(value) if callable(value) else repr(value)


def restored(value, like):
    """A field's value from JSON's types, in the types of `like`, another value of the field."""
    if dataclasses.is_dataclass(like):
        names = {field.name for field in dataclasses.fields(like)}
        return type(like)(**{name: _tuples(x) for name, x in value.items() if name in names})
    return _tuples(value)


def _tuples(value):
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
