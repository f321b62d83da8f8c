"""Makes macs.json again: multiply-adds of the reference implementations, counted by hooks.

Needs the environment of README.md. Then: python tests/golden/make_macs.py
"""

import json
import pathlib
import re

import torch
from packages import timm
from pytorchcv.model_provider import get_model
from pytorchcv.models.wrn_cifar import get_wrn_cifar

REDUCTION = 16
# Names of our networks: the reference implementation, pixels of its images and, where it has no
# SE, which of its modules the paper's SE blocks follow.
NETWORKS = {
    "ResNet18": ("timm resnet18", 224, None),
    "SEResNet50": ("timm legacy_seresnet50", 224, None),
    "SEResNet152": ("timm legacy_seresnet152", 224, None),
    "SEResNeXt50": ("timm legacy_seresnext50_32x4d", 224, None),
    "SENet154": ("timm legacy_senet154", 224, None),
    "EfficientNetB0": ("timm tf_efficientnet_b0", 224, None),
    "EfficientNetV2S": ("timm tf_efficientnetv2_s", 384, None),
    "MnasNetA1": ("timm semnasnet_100", 224, None),
    "TinyNetA": ("timm tinynet_a", 192, None),
    "TinyNetE": ("timm tinynet_e", 106, None),
    "RegNetY002": ("timm regnety_002", 224, None),
    "RegNetY016": ("timm regnety_016", 224, None),
    "RegNetY160": ("timm regnety_160", 224, None),
    "ResNetRS50": ("timm resnetrs50", 160, None),
    "SEBNInception": ("pytorchcv bninception", 224, r"features\.stage\d\.unit\d"),
    "SEVGG16": ("pytorchcv bn_vgg16", 224, r"features\.stage\d\.unit\d"),
    "SEInceptionResNetV2": (
        "pytorchcv inceptionresnetv2",
        299,
        r"features\.(stage1\.unit\d+|stage[23]\.unit([2-9]|\d\d))",  # first units only reduce
    ),
    "SEMobileNet": ("pytorchcv mobilenet_w1", 224, r"features\.stage\d\.unit\d"),
    "SEShuffleNet": ("pytorchcv shufflenet_g3_w1", 224, r".*\.expand_bn3"),
    "SEResNet20": ("pytorchcv seresnet20_cifar10", 32, None),
    "SEResNet164": ("pytorchcv seresnet164bn_cifar10", 32, None),
    "SEWideResNet16x8": (
        "pytorchcv wrn16_8_cifar10",
        32,
        r"features\.stage\d\.unit\d\.body\.conv2",
    ),
}


def network(reference):
    """The reference implementation of this name, its weights shapes without values."""
    package, name = reference.split()
    with torch.device("meta"):
        if package == "timm":
            return timm.create_model(name).eval()
        if name == "wrn16_8_cifar10":  # which pytorchcv can build and does not list
            return get_wrn_cifar(num_classes=10, blocks=16, width_factor=8).eval()
        return get_model(name).eval()


def count(model, size, places):
    """Multiply-adds of one image, and the additions of the squeezes among the operations.

    Convolutions and fully connected layers count, biases, normalizations and activations do not.
    An SE block of C channels that the model lacks adds the 2 C (C / 16) of its two layers.
    """
    counted = {"macs": 0, "squeeze_additions": 0}

    def convolution(module, inputs, output):
        counted["macs"] += output.numel() * module.weight[0].numel()

    def own_se(module, inputs, output):
        counted["squeeze_additions"] += inputs[0].numel()

    def missing_se(module, inputs, output):
        channels = output.shape[1]
        counted["macs"] += 2 * channels * (channels // REDUCTION)
        counted["squeeze_additions"] += output.numel()

    for name, module in model.named_modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            module.register_forward_hook(convolution)
        if type(module).__name__ in ("SEModule", "SEBlock", "SqueezeExcite"):
            module.register_forward_hook(own_se)
        if places and re.fullmatch(places, name):
            module.register_forward_hook(missing_se)
    with torch.no_grad():
        model(torch.empty(1, 3, size, size, device="meta"))
    return counted


def main():
    """Writes a row for each network, with its source."""
    rows = {}
    for name, (reference, size, places) in NETWORKS.items():
        source = reference + (f", SE by the paper's formula after {places}" if places else "")
        rows[name] = {**count(network(reference), size, places), "source": source}
    text = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items())
    pathlib.Path(__file__).with_name("macs.json").write_text(f"{{\n{text}\n}}\n")


if __name__ == "__main__":
    main()
