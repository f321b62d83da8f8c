"""What all tests share."""

import collections

import keras
import numpy as np
import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Of the cases of a test that is marked `at_first`, marks as slow those that it leaves out."""
    cases = collections.defaultdict(list)
    for item in items:
        if item.get_closest_marker("at_first"):
            cases[item.nodeid.partition("[")[0]].append(item)
    for found in cases.values():
        mark = found[0].get_closest_marker("at_first")
        every = mark.kwargs.get("every", len(found))
        # On a backend that has none of them, the first.
        fast = [x for x in found if x.callspec.id in mark.args] or found[::every]
        for item in found:
            if item not in fast:
                item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def seed():
    """Each test starts from the same weights, alone and after others."""
    keras.utils.set_random_seed(0)


@pytest.fixture(autouse=keras.backend.backend() == "jax")
def initializers_in_numpy(monkeypatch):
    """On JAX every new shape of a random weight costs a compilation, minutes in all."""
    rng = np.random.default_rng(0)

    def scaled(self, shape, dtype=None):
        # Depthwise kernels (h, w, C, 1) have one input channel.
        fan_in = np.prod(shape[:2] if len(shape) == 4 and shape[3] == 1 else shape[:-1])
        values = rng.normal(0, np.sqrt(2 / fan_in), shape).astype(dtype or "float32")
        return keras.ops.convert_to_tensor(values)

    for initializer in (keras.initializers.VarianceScaling, keras.initializers.RandomNormal):
        monkeypatch.setattr(initializer, "__call__", scaled)


@pytest.fixture
def only_shapes():
    """Weights have shapes and paths, but no values: a network is built in half of the time."""
    with keras.StatelessScope(initialize_variables=False):
        yield
    # Keras keeps a list of weights that have yet to be given values.
    keras.utils.clear_session(free_memory=False)
