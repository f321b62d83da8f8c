"""Layers that TensorFlow builds fast."""

import contextlib
import typing

import keras

PLAIN = frozenset({bool, float, int, str, type(None)})


class QuickBuild(keras.layers.Layer):
    """A layer whose attributes and variables TensorFlow makes fast.

    Keras and TensorFlow look into each value that a layer sets for variables and layers to keep
    track of; plain values hold none and are set past them. For each new name of a variable
    TensorFlow prepares the operation that makes it again, about a millisecond; their names there
    are those of the class, `Conv2D/kernel`. Keras' own, `path` and `name`, are as ever. Together
    that is a third of the time to build a network of some hundred layers.
    """

    def __setattr__(self, name: str, value: typing.Any) -> None:
        """As of every Keras layer."""
        if type(value) in PLAIN and keras.backend.backend() == "tensorflow":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def add_weight(self, *args: typing.Any, **kwargs: typing.Any) -> keras.Variable:
        """As of every Keras layer."""
        with _named_by(type(self)):
            return super().add_weight(*args, **kwargs)


def _named_by(layer):
    if keras.backend.backend() != "tensorflow":
        return contextlib.nullcontext()
    import tensorflow as tf

    # With a slash at its end a scope does not lie within the present one.
    return tf.name_scope(f"{layer.__name__}/")
