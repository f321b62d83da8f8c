"""What the layers of a network compute and how they are connected, as a short text.

Weights do not show it: a network in which a layer without weights was replaced, or the calls were
connected otherwise, takes the same ones.
"""

import hashlib
import json

import keras

from keras_senet.layers.idle import IDLE

# What decides the outputs of a layer beside its class and its weights, where it has it.
FACTS = (
    "activation",
    "axis",
    "dilation_rate",
    "groups",
    "interpolation",
    "keepdims",
    "max_value",
    "negative_slope",
    "padding",
    "pool_size",
    "strides",
    "threshold",
)


def structure(model: keras.Model) -> str:
    """Sixteen digits that are the same for two networks of the same calls.

    Names of operations of `keras.ops`, sizes of images and layers that do nothing at inference
    make no difference.

    Args:
        model: A functional `keras.Model`.
    """
    made, calls = {}, []
    for operation in model.operations:
        outputs = keras.tree.flatten(operation.output)
        if isinstance(operation, keras.layers.InputLayer):
            made[id(outputs[0])] = "image"
            continue
        inputs = [made.get(id(tensor), "unknown") for tensor in keras.tree.flatten(operation.input)]
        if type(operation) in IDLE:
            made[id(outputs[0])] = inputs[0]
            continue
        is_layer = isinstance(operation, keras.Layer)
        kind = type(operation).__name__
        name = operation.name if is_layer else f"{kind}({', '.join(inputs)})"
        made |= {id(tensor): f"{name}:{place}" for place, tensor in enumerate(outputs)}
        facts = {fact: _text(vars(operation).get(fact)) for fact in FACTS}
        calls.append([name, kind, inputs, {k: text for k, text in facts.items() if text}])
    calls.append([made.get(id(tensor), "unknown") for tensor in keras.tree.flatten(model.outputs)])
    return hashlib.sha256(json.dumps(calls, sort_keys=True).encode()).hexdigest()[:16]


def _text(value):
    """A value of a layer as text, that of a function its name; of `None` an empty one."""
    if isinstance(value, (list, tuple)):
        return str([_text(one) for one in value])
    return "" if value is None else str(getattr(value, "__name__", value))
