"""Numbers of numpy as those of Python, which JSON and `isinstance` know."""

import numbers


def natural(value):
    """A number of Python for any integer or real number, also inside of tuples; else the value."""
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
    """Makes the fields of a frozen dataclass natural numbers, where they are numbers."""
    for field in fields:
        object.__setattr__(instance, field.name, natural(getattr(instance, field.name)))
