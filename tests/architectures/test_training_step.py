"""Every public network, SE and plain, has a gradient for every weight on every backend."""

import keras
import numpy as np
import pytest
from gradients import gradients
from small import KINDS, distinct, shallow, size, variants

import keras_senet


def named(network):
    return network.replace(name="shallow")


OTHERS = {
    name: shallow(variants()[name])
    for name in distinct()
    if named(shallow(variants()[name])) not in map(named, KINDS.values())
}
NETWORKS = {**KINDS, **OTHERS}


@pytest.mark.at_first("cifar", "preresnet", "regnet", "efficientnet_v2")
@pytest.mark.parametrize("name", NETWORKS)
def test_every_weight_has_a_gradient(name):
    network = NETWORKS[name]
    keras.utils.set_random_seed(0)
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
