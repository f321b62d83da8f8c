"""What all tests share."""

import collections

import keras
import numpy as np
import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Of the cases of a test that is marked `at_first`, marks as slow those that it leaves out."""
    if any("::" in argument for argument in config.args):
        return  # some cases were asked for by name
    cases = collections.defaultdict(list)
    for item in items:
        if item.get_closest_marker("at_first"):
            cases[item.nodeid.partition("[")[0]].append(item)
    for test, found in cases.items():
        fast = _at_first(found)
        if fast is None or any(item.get_closest_marker("slow") for item in fast):
            raise pytest.UsageError(
                f"{test}: `at_first` takes the ids of cases that are not slow, or `every`."
            )
        for item in found:
            if item not in fast:
                item.add_marker(pytest.mark.slow)


def _at_first(found):
    """The cases that a mark names; `None` if it names what there is not."""
    mark = found[0].get_closest_marker("at_first")
    if not hasattr(found[0], "callspec") or [*mark.kwargs] != ([] if mark.args else ["every"]):
        return None
    if not mark.args:
        return found[:: mark.kwargs["every"]]
    fast = [item for item in found if item.callspec.id in mark.args]
    if keras.backend.backend() == "tensorflow":
        return fast if len(fast) == len(mark.args) else None
    return fast or found[:1]  # other backends have some of the cases


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
