"""Variables that TensorFlow makes fast."""

import contextlib
import typing

import keras


class QuickVariables(keras.layers.Layer):
    """A layer whose variables TensorFlow does not name by the layer.

    For each new name of a variable TensorFlow prepares the operation that makes it again, about a
    millisecond, which is a quarter of the time to build a network of some hundred. Their names
    there are those of the class, `Conv2D/kernel`. Keras' own, `path` and `name`, are as ever.
    """

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
