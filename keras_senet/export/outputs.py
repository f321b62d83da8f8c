"""The outputs of a model by name, in an order that a program can know."""

import re

import keras

ONLY = "output"  # the name of one output


def named(structure):
    """The tensors or arrays in what a model returns, by name.

    Names are the keys of dictionaries, in their order, and `output_0`, `output_1` in lists; those
    of nested ones are joined: `{"boxes": [a, b]}` has `boxes_0` and `boxes_1`. One output alone is
    `output`, whatever holds it. Artefacts keep names and order.

    Args:
        structure: A tensor or array, or dictionaries and lists of them.

    Raises:
        ValueError: If two outputs would have one name.
    """
    pairs = list(_pairs(structure, ()))
    if len(pairs) == 1:
        return {ONLY: pairs[0][1]}
    outputs = dict(pairs)
    if len(outputs) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(
            f"Two outputs of the model would be named {twice!r} in an artefact. Return them in a "
            "dictionary with other keys."
        )
    return outputs


def output_names(model):
    """Names of the outputs of a model; see `named`."""
    return tuple(outputs(model))


def outputs(model):
    """The symbolic outputs of a model by name; see `named`."""
    return named(model.outputs if isinstance(model, keras.Sequential) else model.output)


def matched(expected, received, what):
    """The outputs of an artefact by the names and in the order of the model's.

    Args:
        expected: Dict of the model's outputs by name.
        received: Dict of the artefact's, or of what is known of them. One output may have another
            name than the model's.
        what: Name of the artefact in the message.

    Raises:
        ValueError: If the names differ.
    """
    if len(expected) == len(received) == 1:
        received = dict(zip(expected, received.values(), strict=True))
    if expected.keys() != received.keys():
        raise ValueError(
            f"The model returns {', '.join(expected)}, {what} {', '.join(received)}: the artefact "
            "is of another model. Export it again."
        )
    return {name: received[name] for name in expected}


def _pairs(structure, path):
    if isinstance(structure, dict):
        for key, value in structure.items():
            yield from _pairs(value, (*path, re.sub(r"\W", "_", str(key))))
    elif isinstance(structure, (list, tuple)):
        for index, value in enumerate(structure):
            yield from _pairs(value, (*(path or (ONLY,)), str(index)))
    elif structure is not None:
        yield "_".join(path), structure
