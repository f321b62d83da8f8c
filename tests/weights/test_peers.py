"""The same random weights and pixels give the peers' logits: timm 1.0.31, pytorchcv 0.0.74.

`tests/golden/make_golden.py` made the golden numbers. Our side goes through the user's door: a
weights file in the peer's layout, raw pixels in.
"""

import functools
import gzip
import json
import pathlib

import keras
import numpy as np
import pytest
from golden.random_tensors import image, tensor

import keras_senet
from keras_senet import (
    ResNet20,
    ResNet50,
    SENet154,
    SEResNet18,
    SEResNet34,
    SEResNet50,
    SEResNeXt50,
    SEResNeXt101,
)

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
ONE = (1, 1, 1, 1)
DEEP = {"stem": (32, 32, 64), "shortcut": "pool"}
SMALL = {
    "small_legacy_seresnet": SEResNet50.replace(depths=ONE),
    "small_legacy_basic": SEResNet18.replace(depths=ONE),
    "small_legacy_seresnext": SEResNeXt50.replace(depths=ONE),
    "small_legacy_senet154": SENet154.replace(depths=ONE),
    "small_seresnet": SEResNet50.replace(depths=ONE),
    "small_basic": SEResNet18.replace(depths=ONE),
    "small_seresnext": SEResNeXt50.replace(depths=ONE),
    "small_seresnext_d": SEResNeXt50.replace(depths=ONE, **DEEP),
    "small_senet154": SENet154.replace(depths=ONE),
}
CIFAR = {
    "resnet20_cifar10": ResNet20,
    "seresnet20_cifar10": keras_senet.SEResNet20,
    "seresnet56_cifar10": keras_senet.SEResNet56,
    "seresnet110_cifar10": keras_senet.SEResNet110,
    "seresnet164bn_cifar10": keras_senet.SEResNet164,
    "wrn16_10_cifar10": keras_senet.WideResNet16x8.replace(widen=10),
}
NEXT26 = SEResNeXt50.replace(depths=(2, 2, 2, 2))
LARGE = {
    "legacy_seresnet18": SEResNet18,
    "legacy_seresnet34": SEResNet34,
    "legacy_seresnet50": SEResNet50,
    "legacy_seresnet101": keras_senet.SEResNet101,
    "legacy_seresnet152": keras_senet.SEResNet152,
    "legacy_seresnext50_32x4d": SEResNeXt50,
    "legacy_seresnext101_32x4d": SEResNeXt101,
    "legacy_senet154": SENet154,
    "seresnet18": SEResNet18,
    "seresnet34": SEResNet34,
    "seresnet50": SEResNet50,
    "resnet50": ResNet50,
    "seresnext26d_32x4d": NEXT26.replace(**DEEP),
    "seresnext26t_32x4d": NEXT26.replace(stem=(24, 32, 64), shortcut="pool"),
    "seresnext50_32x4d": SEResNeXt50,
    "seresnext101_32x8d": SEResNeXt101.replace(width=8),
    "senet154": SENet154,
}


@functools.cache
def golden():
    shapes = json.loads(gzip.decompress((GOLDEN / "tensors.json.gz").read_bytes()))
    return shapes, np.load(GOLDEN / "logits.npz")


def weights_file(network, folder):
    """A safetensors file with the random tensors of a peer's network."""
    safetensors = pytest.importorskip("safetensors.numpy")
    path = folder / f"{network}.safetensors"
    shapes, _ = golden()
    safetensors.save_file({k: tensor(k, shape) for k, shape in shapes[network].items()}, path)
    return path


def relative_error(architecture, network, size, path):
    model = architecture(weights=path, input_shape=(size, size, 3), classifier_activation=None)
    expected = golden()[1][f"{network}/{size}"]
    output = keras.ops.convert_to_numpy(model(image(size)))[0]
    return np.abs(output - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("size", [64, 65])
@pytest.mark.parametrize("network", SMALL)
def test_small_networks(network, size, tmp_path):
    path = weights_file(network, tmp_path)
    assert relative_error(SMALL[network], network, size, path) <= 1e-5


@pytest.mark.parametrize("network", CIFAR)
def test_cifar_networks(network, tmp_path):
    path = weights_file(network, tmp_path)
    assert relative_error(CIFAR[network], network, 32, path) <= 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("network", LARGE)
def test_large_networks(network, tmp_path):
    path = weights_file(network, tmp_path)
    errors = {size: relative_error(LARGE[network], network, size, path) for size in (224, 225, 256)}
    print(network, errors)
    assert max(errors.values()) <= 1e-4
