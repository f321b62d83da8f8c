"""Checks parameters.json against the independent implementations; exits 1 on a difference.

Needs the environment of README.md. Then: python tests/golden/check_parameters.py
"""

import json
import pathlib
import sys

import torch
from packages import timm
from pytorchcv.model_provider import get_model
from pytorchcv.models.wrn_cifar import get_wrn_cifar

PARAMETERS = json.loads((pathlib.Path(__file__).parent / "parameters.json").read_text())


def total(network):
    """Trainable parameters of the network."""
    return sum(p.numel() for p in network.parameters())


def parts(network):
    """Counts of an SE network: whole, without SE biases, without SE, and its BN channels."""
    se = {k: p.numel() for k, p in network.named_parameters() if ".se_module." in k or ".se." in k}
    biases = sum(count for name, count in se.items() if name.endswith(".bias"))
    norms = (m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d))
    return {
        "plain": total(network) - sum(se.values()),
        "se": total(network),
        "se_no_bias": total(network) - biases,
        "bn_channels": sum(m.num_features for m in norms),
    }


def comparisons():
    """Yields (what, our number, the reference's); the weights are shapes without values."""
    for name, numbers in PARAMETERS["imagenet"].items():
        peer = "legacy_" + (name if name.startswith("se") else f"se{name}")
        found = parts(timm.create_model(peer))
        for key, number in numbers.items():
            yield f"{peer} {key}", number, found[key]
    for name in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d"):
        number = PARAMETERS["imagenet"][name]["plain"]
        yield f"{name} plain", number, total(timm.create_model(name))
    tables = ("timm", "regnet", "efficientnet")
    for name, number in (pair for table in tables for pair in PARAMETERS[table].items()):
        yield name, number, total(timm.create_model(name))
    for depth, numbers in PARAMETERS["cifar"].items():
        peers = {
            "plain": f"resnet{depth}_cifar10",
            "se": f"seresnet{depth}_cifar10",
            "se_cifar100": f"seresnet{depth}_cifar100",
            "preact_plain": f"preresnet{depth}_cifar10",
        }
        for key, peer in peers.items():
            yield peer, numbers[key], total(get_model(peer))
        # No reference implementation has SE on the pre-activation backbone; its SE blocks are
        # those of the other backbone.
        se = numbers["se"] - numbers["plain"]
        yield f"{depth} preact_se", numbers["preact_se"], numbers["preact_plain"] + se
    wide = get_wrn_cifar(num_classes=10, blocks=16, width_factor=8)
    yield "wrn16_8 plain", PARAMETERS["wide"]["wrn16_8"]["plain"], total(wide)

    yield from family_comparisons()


def family_comparisons():
    """The same for the networks that are no residual ones, where a reference has them."""
    families = PARAMETERS["families"]
    peers = {
        "bninception": families["bn_inception"]["conv_bias"],
        "bn_vgg16": families["vgg16"]["plain"],
        "bn_vgg16b": families["vgg16"]["conv_bias"],
        "inceptionresnetv2": families["inception_resnet_v2"]["gamma"],
        "mobilenet_w1": families["mobilenet"]["plain"],
        "shufflenet_g3_w1": families["shufflenet_g3"]["plain"],
        "shufflenetv2_wd2": PARAMETERS["plain"]["shufflenet_v2_x05"],
        "shufflenetv2_w1": PARAMETERS["plain"]["shufflenet_v2_x10"],
    }
    peers |= {
        f"shufflenet_{groups}_w1": PARAMETERS["plain"][f"shufflenet_{groups}"]
        for groups in ("g1", "g2", "g4", "g8")
    }
    for peer, number in peers.items():
        yield f"{peer} plain", number, total(get_model(peer))
    for kind, numbers in PARAMETERS["mobilenet_v3"].items():
        yield (
            f"tf_mobilenetv3_{kind}_100",
            numbers["se"],
            total(timm.create_model(f"tf_mobilenetv3_{kind}_100")),
        )
        yield (
            f"tf_mobilenetv3_{kind}_minimal_100",
            numbers["minimalistic"],
            total(timm.create_model(f"tf_mobilenetv3_{kind}_minimal_100")),
        )


def main():
    """Prints every comparison; returns the number of differences."""
    differences = 0
    with torch.device("meta"):
        for what, ours, peer in comparisons():
            differences += ours != peer
            print(f"{'same' if ours == peer else 'DIFFERS':8}{what:36}{ours:>12,}{peer:>12,}")
    return differences


if __name__ == "__main__":
    sys.exit(min(main(), 1))
