"""Weights files in the layouts of timm and pytorchcv, and our networks that they fit.

The numbers are random, and a function of a tensor's name and shape: `tests/golden/README.md`.
"""

import functools
import gzip
import json
import pathlib

import numpy as np
import pytest
from golden.random_tensors import tensor

import keras_senet
from keras_senet import (
    BNInception,
    MobileNet,
    MobileNetV3Large,
    MobileNetV3LargeMinimalistic,
    MobileNetV3Small,
    MobileNetV3SmallMinimalistic,
    ResNet20,
    ResNet50,
    SENet154,
    SEResNet18,
    SEResNet34,
    SEResNet50,
    SEResNeXt50,
    SEResNeXt101,
    ShuffleNet,
    ShuffleNetV2x05,
    ShuffleNetV2x10,
)
from keras_senet.weights import IMAGENET

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
FILES = (
    ("tensors.json.gz", "logits.npz"),
    ("regnet_tensors.json.gz", "regnet.npz"),
    ("efficientnet_tensors.json.gz", "efficientnet.npz"),
    ("attention_tensors.json.gz", "attention.npz"),
)
ONE = (1, 1, 1, 1)
DEEP = {"stem": (32, 32, 64), "shortcut": "pool"}
LINE = {"w0": 24, "wa": 12.0, "wm": 1.4, "depth": 5, "group": 8}
TIMM = {"padding": "torch", "epsilon": 1e-5, "preprocessing": IMAGENET}  # trained by timm itself
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
    "small_ecaresnet": keras_senet.ECAResNet50.replace(depths=ONE),
    "small_ecaresnet_basic": SEResNet18.replace(depths=ONE, se=keras_senet.ECAConfig()),
    "small_ecaresnet_d": keras_senet.ECAResNet50.replace(depths=ONE, **DEEP),
    "small_ecaresnet_t": keras_senet.ECAResNet26.replace(depths=ONE),
    "small_eseresnet": SEResNet50.replace(depths=ONE, se=keras_senet.ESEConfig()),
    "small_regnetx": keras_senet.RegNetX002.replace(**LINE),
    "small_regnety": keras_senet.RegNetY002.replace(**LINE),
    "small_regnety_tv": keras_senet.RegNetY008TV.replace(**LINE | {"group": 24}),
    "small_resnetrs": keras_senet.ResNetRS50.replace(depths=ONE),
    "bninception": BNInception,
    "mobilenet_wd4": MobileNet.replace(alpha=0.25),
    "shufflenet_g3_wd4": ShuffleNet.replace(scale=0.25),
    "shufflenetv2_wd2": ShuffleNetV2x05,
    "shufflenetv2_wd2_se": keras_senet.SEShuffleNetV2x05,
    "mobilenetv3_small_100": MobileNetV3Small.replace(**TIMM),
    "mobilenetv3_small_075": keras_senet.MobileNetV3Small075.replace(**TIMM),
    "tf_mobilenetv3_small_100": MobileNetV3Small,
    "tf_mobilenetv3_small_minimal_100": MobileNetV3SmallMinimalistic,
    "preresnet20_cifar10": keras_senet.PreResNet20,
}
EFFICIENT = keras_senet.EfficientNetB0
PYTORCH = {"padding": "torch", "epsilon": 1e-5}
SMALL |= {
    "small_tf_efficientnet": EFFICIENT.replace(width=0.25, depth=0.5, head_width=320),
    "small_efficientnet": EFFICIENT.replace(width=0.25, depth=1.2, head_width=320, **PYTORCH),
    "small_tf_efficientnetv2": keras_senet.EfficientNetV2B0.replace(
        width=0.35, depth=0.4, head_width=448
    ),
    "small_efficientnetv2_rw": keras_senet.EfficientNetV2RWS.replace(
        width=0.35, depth=0.2, head_width=624
    ),
    "mobilenetv3_small_050": keras_senet.MobileNetV3Small050.replace(**TIMM),
    "small_semnasnet": keras_senet.MnasNetA1.replace(width=0.5),
    "small_mnasnet": keras_senet.MnasNetSmall.replace(width=0.5),
    "test_efficientnet": keras_senet.EfficientNetV2Test,
    "tinynet_e": keras_senet.TinyNetE,
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
LARGE_RESIDUAL = {
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
    "ecaresnet26t": keras_senet.ECAResNet26,
    "ecaresnet50d": keras_senet.ECAResNet50.replace(**DEEP),
    "ecaresnet50t": keras_senet.ECAResNet50.replace(stem=(24, 32, 64), shortcut="pool"),
    "ecaresnet101d": keras_senet.ECAResNet101.replace(**DEEP),
    "ecaresnet269d": keras_senet.ECAResNet269,
    "regnetx_002": keras_senet.RegNetX002,
    "regnety_002": keras_senet.RegNetY002,
    "regnety_016": keras_senet.RegNetY016,
    "regnety_080_tv": keras_senet.RegNetY080TV,
    "resnetrs50": keras_senet.ResNetRS50,
    "resnetrs101": keras_senet.ResNetRS101,
}
LARGE = {
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
    "mobilenetv3_large_150d": keras_senet.MobileNetV3Large150d.replace(**TIMM),
    "tf_efficientnet_b0": EFFICIENT,
    "efficientnet_b1": keras_senet.EfficientNetB1.replace(**PYTORCH),
    "tf_efficientnet_b4": keras_senet.EfficientNetB4,
    "tf_efficientnetv2_b0": keras_senet.EfficientNetV2B0,
    "tf_efficientnetv2_s": keras_senet.EfficientNetV2S,
    "efficientnetv2_rw_t": keras_senet.EfficientNetV2RWT,
    "semnasnet_075": keras_senet.MnasNetA1x075,
    "semnasnet_100": keras_senet.MnasNetA1,
    "mnasnet_small": keras_senet.MnasNetSmall,
    "tinynet_a": keras_senet.TinyNetA,
    "tf_mobilenetv3_large_075": keras_senet.MobileNetV3Large075,
    "tf_mobilenetv3_small_075": keras_senet.MobileNetV3Small075,
    "preresnet56_cifar10": keras_senet.PreResNet56,
    "preresnet110_cifar10": keras_senet.PreResNet110,
    "preresnet164bn_cifar10": keras_senet.PreResNet164,
}


@functools.cache
def golden():
    """Shapes by network and tensor name, and the logits by network and size of the image."""
    shapes, logits = {}, {}
    for tensors, outputs in FILES:
        shapes |= json.loads(gzip.decompress((GOLDEN / tensors).read_bytes()))
        logits |= np.load(GOLDEN / outputs)
    return shapes, logits


def tensors(network):
    """Name -> values of the tensors of a network's file."""
    return {name: tensor(name, shape) for name, shape in golden()[0][network].items()}


def weights_file(network, folder):
    """A safetensors file of them."""
    path = folder / f"{network}.safetensors"
    pytest.importorskip("safetensors.numpy").save_file(tensors(network), path)
    return path
