"""Layers that TensorFlow builds fast."""

import contextlib
import inspect
import math
import types
import typing

import keras

from keras_senet.layers import tensor_memory

CONSTANTS = {keras.initializers.Zeros: 0, keras.initializers.Ones: 1}
# Types whose values hold no variables and no layers.
PLAIN = {
    *(bool, float, int, str, type(None), types.FunctionType, inspect.Signature),
    *(keras.DTypePolicy, keras.InputSpec, *CONSTANTS),
}


class QuickBuild(keras.layers.Layer):
    """A layer whose attributes and variables TensorFlow makes fast.

    Keras and TensorFlow look into each value that a layer sets for variables and layers to keep
    track of; plain values hold none and are set past them. For each new name of a variable
    TensorFlow prepares the operation that makes it again, about a millisecond; their names there
    are those of the class, `Conv2D/kernel`. Keras' own, `path` and `name`, are as ever. Zeros and
    ones come as arrays. Together that is a third of the time to build a network of some hundred
    layers.
    """

    def __setattr__(self, name: str, value: typing.Any) -> None:
        """As of every Keras layer."""
        if type(value) in PLAIN and keras.backend.backend() == "tensorflow":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def add_weight(
        self, *args: typing.Any, initializer: typing.Any = None, **kwargs: typing.Any
    ) -> keras.Variable:
        """As of every Keras layer."""
        if keras.backend.backend() == "tensorflow" and type(initializer) in CONSTANTS:
            initializer = _Constant(CONSTANTS[type(initializer)])
        with _named_by(type(self)):
            return super().add_weight(*args, initializer=initializer, **kwargs)


class _Constant(keras.initializers.Constant):
    """An array of one number, which TensorFlow takes longer to fill than NumPy."""

    def __call__(self, shape, dtype=None):
        values = tensor_memory.empty(math.prod(shape))
        values.fill(self.value)
        return tensor_memory.as_tensor(values.reshape(shape), dtype)


def _named_by(layer):
    if keras.backend.backend() != "tensorflow":
        return contextlib.nullcontext()
    import tensorflow as tf

    # With a slash at its end a scope does not lie within the present one.
    return tf.name_scope(f"{layer.__name__}/")
