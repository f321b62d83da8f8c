"""Networks of which only the shapes are wanted."""

import concurrent.futures
from collections.abc import Callable

import keras


def shapes_of(build: Callable[[], keras.Model]) -> keras.Model:
    """The model that `build` makes, its weights with shapes and without values.

    Weights take most of the time of building a network, and all of its memory. The model is for
    counting: run, it would draw new values whenever a weight is read.

    Args:
        build: Function without arguments that builds a model, an `Architecture` for example.

    Returns:
        The model, in Keras' default dtype policy.

    Example:
        >>> shapes_of(keras_senet.SEResNet20).count_params()
        276415
    """
    # Keras keeps a list of the weights that still have no values in the state of the thread, and
    # makes them at the next occasion there. So this thread ends with the list.
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        return thread.submit(_without_values, build).result()


def _without_values(build):
    with keras.StatelessScope(initialize_variables=False):
        return build()
