"""As test_peers.py, for the families that are no residual networks, and pre-activation ones.

The golden numbers are those of pytorchcv 0.0.74 and timm 1.0.31.
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
    BNInception,
    MobileNet,
    MobileNetV3Large,
    MobileNetV3LargeMinimalistic,
    MobileNetV3Small,
    MobileNetV3SmallMinimalistic,
    ShuffleNet,
    ShuffleNetV2x05,
    ShuffleNetV2x10,
)
from keras_senet.weights import IMAGENET

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
TIMM = {"padding": "torch", "epsilon": 1e-5, "preprocessing": IMAGENET}  # trained by timm itself
SMALL = {
    "bninception": BNInception,
    "mobilenet_wd4": MobileNet.replace(alpha=0.25),
    "shufflenet_g3_wd4": ShuffleNet.replace(scale=0.25),
    "shufflenetv2_wd2": ShuffleNetV2x05,
    "shufflenetv2_wd2_se": keras_senet.SEShuffleNetV2x05,
    "mobilenetv3_small_100": MobileNetV3Small.replace(**TIMM),
    "mobilenetv3_small_075": MobileNetV3Small.replace(**TIMM, alpha=0.75),
    "tf_mobilenetv3_small_100": MobileNetV3Small,
    "tf_mobilenetv3_small_minimal_100": MobileNetV3SmallMinimalistic,
    "preresnet20_cifar10": keras_senet.PreResNet20,
}
LARGE = {
    "bninception": BNInception,
    "bn_vgg16": keras_senet.VGG16,
    "bn_vgg16b": keras_senet.VGG16.replace(conv_bias=True),
    "mobilenet_w1": MobileNet,
    "shufflenet_g1_w1": keras_senet.ShuffleNetG1,
    "shufflenet_g2_w1": keras_senet.ShuffleNetG2,
    "shufflenet_g3_w1": ShuffleNet,
    "shufflenet_g4_w1": keras_senet.ShuffleNetG4,
    "shufflenet_g8_w1": keras_senet.ShuffleNetG8,
    "shufflenetv2_w1": ShuffleNetV2x10,
    # pytorchcv widens the last convolution, which the paper and torchvision do not.
    "shufflenetv2_w3d2": keras_senet.ShuffleNetV2x15.replace(filters=(176, 352, 704, 1553)),
    "shufflenetv2_w2": keras_senet.ShuffleNetV2x20.replace(filters=(244, 488, 976, 2153)),
    "mobilenetv3_large_100": MobileNetV3Large.replace(**TIMM),
    "tf_mobilenetv3_large_100": MobileNetV3Large,
    "tf_mobilenetv3_large_minimal_100": MobileNetV3LargeMinimalistic,
    "preresnet56_cifar10": keras_senet.PreResNet56,
    "preresnet110_cifar10": keras_senet.PreResNet110,
    "preresnet164bn_cifar10": keras_senet.PreResNet164,
}


@functools.cache
def golden():
    shapes = json.loads(gzip.decompress((GOLDEN / "family_tensors.json.gz").read_bytes()))
    return shapes, np.load(GOLDEN / "family_logits.npz")


def relative_errors(architecture, network, folder):
    """Error of the logits over their largest, by image size; one model for all sizes."""
    safetensors = pytest.importorskip("safetensors.numpy")
    path = folder / f"{network}.safetensors"
    shapes, logits = golden()
    safetensors.save_file({k: tensor(k, shape) for k, shape in shapes[network].items()}, path)
    model = architecture(weights=path, input_shape=(None, None, 3), classifier_activation=None)
    path.unlink()
    errors = {}
    for key in logits.files:
        name, size = key.rsplit("/", 1)
        if name == network:
            output = keras.ops.convert_to_numpy(model(image(int(size))))[0]
            errors[size] = np.abs(output - logits[key]).max() / np.abs(logits[key]).max()
    assert errors
    return errors


@pytest.mark.parametrize("network", SMALL)
def test_small_networks(network, tmp_path):
    errors = relative_errors(SMALL[network], network, tmp_path)
    print(network, errors)
    assert max(errors.values()) <= 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("network", LARGE)
def test_large_networks(network, tmp_path):
    errors = relative_errors(LARGE[network], network, tmp_path)
    print(network, errors)
    assert max(errors.values()) <= 1e-5


UNIT = "features.stage3.unit1"


@pytest.mark.parametrize(
    ("network", "architecture", "change", "message"),
    [
        (
            "mobilenet_wd4",
            SMALL["mobilenet_wd4"],
            {f"{UNIT}.dw_conv.bn.weight": None},
            f"no tensor '{UNIT}.dw_conv.bn.weight' \\(1 missing\\)",
        ),
        (
            "mobilenet_wd4",
            SMALL["mobilenet_wd4"],
            {"features.stage9.unit1.conv.weight": (3, 3, 3, 3)},
            "has a tensor 'features.stage9.unit1.conv.weight' \\(1 left over\\)",
        ),
        (
            "mobilenet_wd4",
            SMALL["mobilenet_wd4"],
            {f"{UNIT}.dw_conv.conv.weight": (32, 1, 5, 5)},
            "the shape \\(5, 5, 32, 1\\).*Expected: \\(3, 3, 32, 1\\)",
        ),
        (
            "mobilenet_wd4",
            SMALL["mobilenet_wd4"],
            {f"{UNIT}.dw_conv.conv.weight": (32, 32, 3, 3)},
            "the shape \\(3, 3, 32, 32\\).*Expected: \\(3, 3, 32, 1\\)",
        ),
        ("mobilenet_wd4", MobileNet, {}, "Expected: \\(3, 3, 3, 32\\)"),
        (
            "mobilenet_wd4",
            keras_senet.SEMobileNet.replace(alpha=0.25),
            {},
            "no counterpart of our layer 'stage1_block1'",
        ),
        ("mobilenet_wd4", ShuffleNet, {}, "no weights for shufflenet \\(ShuffleNetV1\\)"),
        ("shufflenetv2_wd2", ShuffleNet, {}, "no weights for shufflenet \\(ShuffleNetV1\\)"),
        ("shufflenetv2_wd2_se", ShuffleNetV2x05, {}, "has a tensor .*se.conv1.bias.* left over"),
        (
            "mobilenetv3_small_100",
            MobileNetV3Small.replace(se=keras_senet.SEConfig()),
            {},
            "were trained with SEConfig\\(reduction=4",
        ),
        ("mobilenetv3_small_100", MobileNetV3SmallMinimalistic, {}, "shape|left over"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(network, architecture, change, message, tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    shapes = {k: v for k, v in {**golden()[0][network], **change}.items() if v is not None}
    path = tmp_path / "x.safetensors"
    safetensors.save_file({k: tensor(k, shape) for k, shape in shapes.items()}, path)
    with pytest.raises(ValueError, match=message):
        architecture(weights=path, input_shape=(64, 64, 3))
