"""The names of a trained network's classes, which its model and its weights files carry.

They are part of the description that the first convolution holds: see `fingerprint`.
"""

import json
import typing
import warnings
from collections.abc import Sequence

import keras
import numpy as np

from keras_senet.layers import Conv2D, facts
from keras_senet.layers.fake_quantize import FakeQuantize
from keras_senet.layers.tflite_operator import TFLiteOperator

KEY = "class_names"
MULTI_LABEL = "multi_label"
CLASSIFIER = "classifier"  # some weights of that which the names belong to
SAMPLES = 64
ROUNDING = 2**-7  # of the largest weight: bfloat16 rounds a weight by 2 ** -9


def name_classes(
    model: keras.Model, names: Sequence[str] | None, *, multi_label: bool = False
) -> None:
    """Writes the names of the classes into a network of this package.

    Its files carry them on. Names that are given here stay, whatever the network learns; those
    that come from a file, or from `train`, are those of the classifier as it was then: see
    `class_names`.

    Args:
        model: A `keras.Model` with its classifier `head`.
        names: Names of the K classes in the order of the outputs, or `None` where they are unknown.
        multi_label: Whether they are labels of which an image has any number, each with a sigmoid.

    Raises:
        ValueError: If there are not K texts, or the model is no network of this package with its
            classifier, and has no place for them.

    Example:
        >>> model = keras_senet.SEResNet20(classes=2)
        >>> name_classes(model, ("cat", "dog"))
        >>> class_names(model)
        ('cat', 'dog')
    """
    network = _network(model)
    first, (_, classes) = _first(network), _described(network)
    if names is not None:
        names = _checked(names)
        if first is None or not classes:
            raise ValueError(
                f"{model.name!r} has no place for names of classes. Expected a network of this "
                "package with its classifier."
            )
        if len(names) != classes:
            raise ValueError(f"{model.name!r} has {classes} classes. Received: {len(names)} names.")
    if first is not None:
        description = facts.parse(first.network)
        besides = description["besides"]
        besides[KEY] = names
        besides.pop(MULTI_LABEL, None)  # which files of earlier versions lack
        besides.pop(CLASSIFIER, None)
        if multi_label:
            besides[MULTI_LABEL] = True
        first.network = json.dumps(description)


def seal_names(model):
    """Records the classifier that the names of its classes belong to, so that others are told.

    Args:
        model: A `keras.Model`; nothing happens where it has no names.
    """
    network = _network(model)
    first, (description, classes) = _first(network), _described(network)
    if described_names(description, classes) is not None:
        description["besides"][CLASSIFIER] = _sample(last_operation(network))
        first.network = json.dumps(description)


def keep_names(model, copy):
    """Records the classifier of a copy that computes the same, if that of the model is recorded."""
    if CLASSIFIER in ((_described(model)[0] or {}).get("besides") or {}) and class_names(model):
        seal_names(copy)


def is_trained_since(description, classifier):
    """Whether a classifier is another one than that which a description's names belong to."""
    recorded = ((description or {}).get("besides") or {}).get(CLASSIFIER)
    if recorded is None or not keras.backend.is_float_dtype(classifier.kernel.dtype):
        return False  # not said, or quantized
    found, recorded = np.array(_sample(classifier)), np.array(recorded)
    if found.shape != recorded.shape:
        return True
    return bool(np.abs(found - recorded).max() > ROUNDING * np.abs(recorded).max())


def _sample(classifier):
    """Some weights of a classifier, evenly spaced, which training changes."""
    kernel = keras.ops.convert_to_numpy(classifier.kernel).astype("float32").reshape(-1)
    places = np.linspace(0, len(kernel) - 1, min(SAMPLES, len(kernel))).astype(int)
    return [float(f"{weight:.4g}") for weight in kernel[places]]


def _checked(names):
    """Names as a list of texts."""
    if isinstance(names, (str, bytes, set, frozenset, dict)):
        raise ValueError(
            "Argument `names` must be a list of names in the order of the outputs. Received: "
            f"{type(names).__name__}, which has no such order."
        )
    names = list(names)
    if not all(isinstance(name, str) for name in names):
        raise ValueError(f"Argument `names` must hold texts. Received: {names[:3]}")
    return list(map(str, names))


def class_names(model: keras.Model) -> tuple[str, ...] | None:
    """Names of the K classes of a model `(N, K)`, or `None` where it does not say.

    They are those of the classifier `head` that a network of this package was trained with. They
    are unknown with another classifier in its place, with more behind it, which may change the
    order of the scores, and with other outputs beside it; and, with a warning, once Keras' own
    `fit` has trained the classifier on, who knows on which classes: `name_classes` says it.
    """
    description, classes = _described(model)
    names = described_names(description, classes)
    if names is None or not is_trained_since(description, last_operation(_network(model))):
        return names
    warnings.warn(
        f"{model.name!r} was trained on since its first class was named {names[0]!r}, and does not "
        "say on which classes. Name them: keras_senet.weights.name_classes(model, names).",
        stacklevel=2,
    )
    return None


def numbered(classes: int) -> tuple[str, ...]:
    """Names for classes that have none: `"class 0"` and so on, or `"score"` of one score.

    Args:
        classes: K, the number of scores.
    """
    if classes == 1:  # of the class that is labelled 1: "class 0" would be its contrary
        return ("score",)
    return tuple(f"class {index}" for index in range(classes))


def misplaced(names: Sequence[str], known: Sequence[str]) -> str | None:
    """Why names cannot stand for classes whose names are known: one belongs to another class.

    Names of one's own, as in another language, can; the same names in other spelling (capitals,
    spaces, underscores) belong to their classes.

    Args:
        names: Names in the order of K outputs.
        known: The names of the K classes.

    Returns:
        A sentence, or `None`.
    """
    spelt = [_plain(own) for own in known]
    for number, (name, own) in enumerate(zip(names, known, strict=True)):
        same = list(known) if name in known else spelt
        named = name if name in known else _plain(name)
        if named in same and same[number] != named:
            return (
                f"Number {number} is {name!r}, which is class number {same.index(named)}; "
                f"class number {number} is {own!r}."
            )
    return None


def _plain(name):
    """A name as other spellings of it have it too: small letters and digits."""
    return "".join(filter(str.isalnum, name.casefold())) or name


def is_multi_label(model: keras.Model) -> bool:
    """Whether a network was trained on labels of which an image has any number.

    `False` also for models that do not say, as those of others.
    """
    return described_multi_label(_described(model)[0])


def described_names(description, classes):
    """Names of so many classes in a network's description, or `None` where it has none."""
    names = ((description or {}).get("besides") or {}).get(KEY)
    if not isinstance(names, list) or len(names) != classes:
        return None
    return tuple(names) if all(isinstance(name, str) for name in names) else None


def described_multi_label(description):
    """Whether a network's description says that an image has any number of its labels."""
    return ((description or {}).get("besides") or {}).get(MULTI_LABEL) is True


def _described(model) -> tuple[typing.Any, int]:
    """The description of the network whose classifier ends a model, or `None`, and its classes."""
    network = _network(model)
    first, last = _first(network), last_operation(network)
    several = len(getattr(model, "outputs", ())) > 1
    if first is None or last is None or last.name != "head" or several:
        return None, 0
    return facts.parse(first.network), last.units


def _network(model):
    """The model, or the one inside of it, or inside of that, that its outputs come from."""
    last = last_operation(model)
    return _network(last) if isinstance(last, keras.Model) else model


def last_operation(model) -> typing.Any:
    """What a model ends with, a layer or a function of `keras.ops`; `None` if it is empty."""
    operations = getattr(model, "operations", model.layers)  # layers alone, where it is no graph
    return next((x for x in reversed(operations) if not _is_without_weights(x)), None)


def _first(model) -> typing.Any:
    """The convolution of a model that carries its description, or `None`."""
    carriers = [x for x in model.layers if isinstance(x, Conv2D) and x.network is not None]
    return carriers[0] if len(carriers) == 1 else None


def _is_without_weights(layer):
    """Whether it is a layer behind the classifier in a network that is trained for int8."""
    return isinstance(layer, (FakeQuantize, TFLiteOperator))
