"""What a layer says about itself in a weights file, beside its numbers.

Two networks whose poolings pad differently have weights of the same names and shapes. What tells
them apart is written by `model.save_weights` and `model.save` as an HDF5 attribute of the layer's
group, where Keras keeps the layer's name. Keras' own layers ignore it.
"""

import json
import math
import typing

ATTRIBUTE = "keras_senet"
UNSAID = "The weights file does not say of which network it is (files of earlier versions do not)"


def write(store, facts):
    """Writes a dict of plain values beside the weights of a layer.

    Args:
        store: What Keras hands to `save_own_variables`. In a store that is no HDF5 file nothing
            is written.
        facts: A dict of JSON's types.
    """
    attributes = _attributes(store)
    if attributes is not None:
        attributes[ATTRIBUTE] = json.dumps(facts)


def read(store):
    """The dict that `write` wrote, or `None` where there is none."""
    attributes = _attributes(store)
    return None if attributes is None else parse(attributes.get(ATTRIBUTE))


def parse(text) -> typing.Any:
    """The dict in the text of an attribute, or `None` if it is no such text."""
    try:
        facts = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return _with_designs(facts) if isinstance(facts, dict) else None


def _with_designs(facts):
    """A description that says of which kind its SE design is: earlier versions knew one only."""
    computation = facts.get("computation")
    for name in ("se", "added_se") if isinstance(computation, dict) else ():
        if isinstance(computation.get(name), dict):
            computation[name] = {"design": "SEConfig", **computation[name]}
    return facts


def differences(stored, own):
    """Names of the facts that differ, with both values; facts that one side lacks are left out.

    Args:
        stored: Dict of the file; dicts may be inside of it.
        own: Dict of the network.

    Returns:
        A list of texts, `"gate: 'tanh' in the file, 'sigmoid' here"`.
    """
    texts = []
    for name in sorted(stored.keys() & own.keys()):
        theirs, ours = stored[name], own[name]
        if isinstance(theirs, dict) and isinstance(ours, dict):
            texts += [f"{name}.{text}" for text in differences(theirs, ours)]
        elif not _equal(theirs, ours):
            texts += _of_rows(name, theirs, ours) or [
                f"{name}: {_short(theirs)} in the file, {_short(ours)} here"
            ]
    return texts


def _of_rows(name, theirs, ours):
    """The differences of tables, as of stages: lists of as many dicts; of other values none."""
    rows = [theirs, ours]
    if not all(isinstance(one, list) and all(isinstance(x, dict) for x in one) for one in rows):
        return []
    if len(theirs) != len(ours):
        return []
    return [
        f"{name}[{index}].{text}"
        for index, pair in enumerate(zip(theirs, ours, strict=True))
        for text in differences(*pair)
    ]


def check(store, own, subject):
    """Refuses weights of a layer or network that computes something else.

    Args:
        store: What Keras hands to `load_own_variables`.
        own: Dict of the facts that decide what the layer or network computes.
        subject: Name of the layer or network in the message.

    Returns:
        The dict of the file, `None` where it has none.

    Raises:
        ValueError: If facts differ; the message names them, with both values.
    """
    stored = read(store)
    texts = differences((stored or {}).get("computation", {}), own)
    if texts:
        raise ValueError(
            f"The weights in this file are of {subject} that computes otherwise. {listed(texts)}. "
            "Build the network with the file's values, or pass the file as `weights` to its "
            "architecture."
        )
    return stored


def listed(texts, most=5):
    """The first `most` texts, separated by semicolons, and how many follow."""
    more = f"; {len(texts) - most} more" if len(texts) > most else ""
    return "; ".join(texts[:most]) + more


def told(computation):
    """What a network is, for a message: `"ResNet(stem_pool='ceil', ...)"`."""
    fields = (f"{name}={_short(value)}" for name, value in computation.items() if name != "family")
    return f"{computation.get('family')}({', '.join(fields)})"


def _equal(a, b):
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[name], b[name]) for name in a)
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-5)  # by way of float32 and back
    return a == b


def _short(value, most=60):
    if isinstance(value, list) and all(isinstance(one, float) for one in value):
        text = f"[{', '.join(f'{one:.6g}' for one in value)}]"
    else:
        text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."


def _attributes(store):
    # Keras' stores show arrays only. The group behind them has the layer's name as an attribute.
    return getattr(getattr(store, "_h5_entry_group", None), "attrs", None)
