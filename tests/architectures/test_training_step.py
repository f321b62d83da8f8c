"""Every public network, SE and plain, has a gradient for every weight on every backend."""

import keras
import numpy as np
import pytest
from gradients import gradients
from small import shallow, size, variants

import keras_senet

# The default suite takes one row of each family; the slow one all of them.
FAMILIES = (
    "SEBNInception",
    "BNInception",
    "SEInceptionResNetV2",
    "SEVGG16",
    "SEMobileNet",
    "MobileNetV3Large",
    "MobileNetV3Small",
    "MobileNetV3SmallMinimalistic",
    "SEShuffleNet",
    "SEShuffleNetV2x05",
    "SEPreResNet20",
    "SEPreResNet164",
)
NAMES = [
    name if name in FAMILIES else pytest.param(name, marks=pytest.mark.slow) for name in variants()
]


@pytest.fixture
def weights_from_numpy(monkeypatch):
    """The same on all backends; JAX would compile a program for every shape."""
    rng = np.random.default_rng(0)

    def he_normal(self, shape, dtype=None):
        # Depthwise kernels (h, w, C, 1) have one input channel.
        fan_in = np.prod(shape[:2] if len(shape) == 4 and shape[3] == 1 else shape[:-1])
        return keras.ops.convert_to_tensor(rng.normal(0, np.sqrt(2 / fan_in), shape), dtype)

    for initializer in (keras.initializers.VarianceScaling, keras.initializers.RandomNormal):
        monkeypatch.setattr(initializer, "__call__", he_normal)


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_has_a_gradient(name, weights_from_numpy):
    network = shallow(variants()[name])
    pixels = size(network)
    model = network.replace(dropout=0.0)(input_shape=(pixels, pixels, 3), classes=5)
    for layer in model.layers:
        if isinstance(layer, keras_senet.layers.SqueezeExcitation):
            # A single hidden unit may start dead for every image: chance, and no fault.
            layer.reduce.bias.assign(np.full(layer.reduce.bias.shape, 5.0))
    x = np.random.default_rng(0).integers(0, 256, (8, pixels, pixels, 3)).astype("float32")
    for path, gradient in gradients(model, x, np.arange(8) % 5):
        assert np.isfinite(gradient).all(), path
        assert np.abs(gradient).max() > 0, path
