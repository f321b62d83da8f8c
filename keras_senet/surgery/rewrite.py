"""The one way to rewrite a model: call by call, with other calls in place of some."""

import types

import keras

from keras_senet.surgery.graph import functional, parts_of


def copied(layer, config=None):
    """A new layer of the same configuration, or of another one, with the same functions.

    A configuration holds functions by their names. A user's function may have the name of one of
    Keras', which `from_config` would take: functions are therefore taken from the layer itself.
    """
    config = layer.get_config() if config is None else config
    copy = type(layer).from_config(config)
    for name in config:
        if isinstance(vars(layer).get(name), types.FunctionType):
            setattr(copy, name, vars(layer)[name])
    return copy


def shared(layer):
    """The layer itself."""
    return layer


def rewrite(model, call=None, copy=copied, recursive=False):
    """A model that makes the calls of another one in the same order, or others in their place.

    Args:
        model: A functional `keras.Model`; a sequential one if `call` is `None`.
        call: Function of a layer of the new model and of the arguments of one call in the new
            model, to the tensors in place of the call's output. `None`: the layer is called.
        copy: Function of a layer (or operation of `keras.ops`) of `model` to the one in its
            place: a new one, which gets the weights once it is built, or one that is `shared`.
        recursive: Whether models inside of `model` are rewritten too, by the same functions, and
            not copied like layers.

    Returns:
        A model of the same name. Layers that are never called are not part of it.
    """
    pairs = []

    def twin_of(layer):
        twin = copy(layer)
        if twin is not layer and isinstance(layer, keras.Layer):
            pairs.append((layer, twin))
        return twin

    result = keras.models.clone_model(
        model, clone_function=twin_of, call_function=call, recursive=recursive
    )
    for layer, twin in pairs:
        if twin.built and twin.weights:
            copy_weights(layer, twin)
    return result


def copy_weights(source, target):
    """Gives a layer or model the weights of another one of the same structure."""
    target.set_weights(source.get_weights())
    for layer, twin in zip(parts_of(source), parts_of(target), strict=True):
        if getattr(layer, "lora_enabled", False):
            twin.lora_alpha = layer.lora_alpha  # which `Dense` forgets as it is built
    for layer in parts_of(target):
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with values that it derives from its weights


def computes_its_graph(model):
    """Whether it is a functional or sequential model without a `call` of its own."""
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        return False
    kinds = [kind for kind in type(model).__mro__ if not _is_of(kind, "keras", "torch")]
    return not any("call" in vars(kind) or "__call__" in vars(kind) for kind in kinds)


def check_call(model):
    """Refuses a model that computes something else than its graph shows.

    Raises:
        TypeError: If it is not functional, or has a `call` of its own.
    """
    functional(model)
    if not computes_its_graph(model):
        raise TypeError(
            f"Model {model.name!r} has a `call` of its own ({type(model).__name__}), which is not "
            "in its graph. Wrap it: keras.Model(inputs, model(inputs))."
        )


def can_be_rebuilt(layer):
    """Whether a layer's configuration is complete: the layer and its parts are Keras' or ours.

    The configuration of another class may miss a field, and that of `Lambda` misses what its
    function refers to. A copy of such a layer could silently compute something else.
    """
    return all(
        _is_of(type(part), "keras", "keras_senet") and not isinstance(part, keras.layers.Lambda)
        for part in parts_of(layer)
    )


def _is_of(kind, *packages):
    return kind.__module__.split(".")[0] in (*packages, "builtins")
