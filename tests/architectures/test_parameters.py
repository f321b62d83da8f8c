"""Parameters of the public networks: published counts, and the paper's formula for SE."""

import dataclasses
import functools
import json
import math
import pathlib

import pytest
from backends import on_tensorflow
from small import KINDS, KINDS_HERE, gates

import keras_senet
from keras_senet import SEConfig
from keras_senet.analysis.costs.shapes import shapes_of

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
PARAMETERS = json.loads((GOLDEN / "parameters.json").read_text())
NEXT = keras_senet.SEResNeXt101.replace(se=SEConfig(divisor=8))
D = {"stem": (32, 32, 64), "shortcut": "pool"}
DEEP = {**D, "se": SEConfig(divisor=8)}
# Tables of parameters.json, and the networks of their rows.
NETWORKS = {
    "imagenet": {
        "resnet18": keras_senet.SEResNet18,
        "resnet34": keras_senet.SEResNet34,
        "resnet50": keras_senet.SEResNet50,
        "resnet101": keras_senet.SEResNet101,
        "resnet152": keras_senet.SEResNet152,
        "resnext50_32x4d": keras_senet.SEResNeXt50,
        "resnext101_32x4d": keras_senet.SEResNeXt101,
        "senet154": keras_senet.SENet154,
    },
    "cifar": {
        "20": keras_senet.SEResNet20,
        "56": keras_senet.SEResNet56,
        "110": keras_senet.SEResNet110,
        "164bn": keras_senet.SEResNet164,
    },
    "wide": {"wrn16_8": keras_senet.SEWideResNet16x8},
    "timm": {
        "ecaresnet26t": keras_senet.ECAResNet26,
        "ecaresnet50d": keras_senet.ECAResNet50.replace(**D),
        "ecaresnet50t": keras_senet.ECAResNet50.replace(**D | {"stem": (24, 32, 64)}),
        "ecaresnet101d": keras_senet.ECAResNet101.replace(**D),
        "ecaresnet269d": keras_senet.ECAResNet269,
        "seresnet18": keras_senet.SEResNet18.replace(se=SEConfig(divisor=8)),
        "seresnet34": keras_senet.SEResNet34.replace(se=SEConfig(divisor=8)),
        "seresnet152d": keras_senet.SEResNet152.replace(**DEEP),
        "seresnext101_64x4d": NEXT.replace(groups=64),
        "seresnext101_32x8d": NEXT.replace(width=8),
        "seresnext101d_32x8d": NEXT.replace(width=8, **DEEP),
        "seresnextaa201d_32x8d": keras_senet.SEResNeXt201,
    },
    "families": {
        "bn_inception": keras_senet.SEBNInception,
        "vgg16": keras_senet.SEVGG16,
        "inception_resnet_v2": keras_senet.SEInceptionResNetV2,
        "mobilenet": keras_senet.SEMobileNet,
        "shufflenet_g3": keras_senet.SEShuffleNet,
    },
}
ROWS = [(table, row) for table, rows in NETWORKS.items() for row in rows]
PLAIN = {
    "shufflenet_g1": keras_senet.ShuffleNetG1,
    "shufflenet_g2": keras_senet.ShuffleNetG2,
    "shufflenet_g4": keras_senet.ShuffleNetG4,
    "shufflenet_g8": keras_senet.ShuffleNetG8,
    "shufflenet_v2_x05": keras_senet.ShuffleNetV2x05,
    "shufflenet_v2_x10": keras_senet.ShuffleNetV2x10,
    "shufflenet_v2_x15": keras_senet.ShuffleNetV2x15,
    "shufflenet_v2_x20": keras_senet.ShuffleNetV2x20,
}
# Channels and hidden width of each SE block, MobileNetV3's tables 1 and 2.
V3_SE = {
    "large": [(72, 24), (120, 32), (120, 32), (480, 120), (672, 168), (672, 168)]
    + [(960, 240)] * 2,
    "small": [(16, 8), (96, 24), (240, 64), (240, 64), (120, 32), (144, 40), (288, 72)]
    + [(576, 144)] * 2,
}


def trainable(model):
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


@functools.cache
def built(network):
    """The model of an architecture, in shapes alone: many networks of these tests are large."""
    return shapes_of(network)


def parameters_without_se(network):
    return trainable(built(network.replace(se=None)))


def se_weights(model):
    return sum(
        math.prod(product.kernel.shape)
        for gate in gates(model)
        for product in (gate.reduce, gate.expand)
    )


def se_biases(model):
    return sum(gate.count_params() for gate in gates(model)) - se_weights(model)


@pytest.mark.at_first(every=9)
@on_tensorflow
@pytest.mark.parametrize(("table", "row"), ROWS)
def test_published_parameters(table, row):
    network, expected = NETWORKS[table][row], PARAMETERS[table][row]
    expected = {"se": expected} if isinstance(expected, int) else expected
    model = built(network)
    found = {
        "se": trainable(model),
        "plain": trainable(model) - se_weights(model) - se_biases(model),
        "se_no_bias": trainable(model) - se_biases(model),
        "bn_channels": (model.count_params() - trainable(model)) / 2,
    }
    if "se_cifar100" in expected:
        found["se_cifar100"] = trainable(shapes_of(lambda: network(classes=100)))
    # Others of the row are counts of networks that have tests of their own.
    others = ("preact_plain", "preact_se", "conv_bias", "gamma")
    expected = {name: count for name, count in expected.items() if name not in others}
    assert {name: found[name] for name in expected} == expected


@pytest.mark.at_first(every=9)
@pytest.mark.parametrize("kind", KINDS_HERE)
def test_se_adds_its_own_weights_and_biases_alone(kind):
    network = KINDS[kind]
    model, plain = built(network), built(network.replace(se=None))
    assert gates(plain) == []
    assert trainable(plain) == trainable(model) - se_weights(model) - se_biases(model)
    without = built(network.replace(se=dataclasses.replace(network.se, use_bias=False)))
    assert trainable(without) == trainable(model) - se_biases(model)


@pytest.mark.at_first(every=3)
@on_tensorflow
@pytest.mark.parametrize("name", PLAIN)
def test_parameters_of_the_shufflenets(name):
    """The trunk as published; SE adds 2 C h + C + h a unit, by the widths of the papers' tables."""
    network = PLAIN[name].replace(se=SEConfig())
    if isinstance(network, keras_senet.ShuffleNetV2):
        stages = zip(network.filters[:3], (4, 8, 4), strict=True)
        widths = [filters // 2 for filters, depth in stages for _ in range(depth)]
    else:
        first = {1: 144, 2: 200, 4: 272, 8: 384}[network.groups]
        widths = [first - 24] + [first] * 3 + [first] + [2 * first] * 7
        widths += [2 * first] + [4 * first] * 3
    hidden = [width // 16 for width in widths]
    weights = sum(2 * c * h for c, h in zip(widths, hidden, strict=True))
    model = built(network)
    assert trainable(model) == PARAMETERS["plain"][name] + weights + sum(widths + hidden)
    assert (se_weights(model), se_biases(model)) == (weights, sum(widths + hidden))


@on_tensorflow
def test_conventions_of_other_implementations():
    """Biases of convolutions add their channels, gammas those of the normalizations."""
    for name, small, change in (
        ("bn_inception", KINDS["bn_inception"], {"conv_bias": True}),
        ("vgg16", KINDS["vgg"], {"conv_bias": True}),
        ("inception_resnet_v2", KINDS["inception_resnet"], {"gamma": True}),
    ):
        expected = PARAMETERS["families"][name]
        (field,) = change
        assert expected[field] == expected["plain"] + expected["bn_channels"]
        model, other = built(small), built(small.replace(**change))
        channels = (model.count_params() - trainable(model)) // 2
        assert trainable(other) == trainable(model) + channels


@pytest.mark.at_first("small")
@on_tensorflow
@pytest.mark.parametrize("kind", ["large", "small"])
def test_parameters_of_mobilenet_v3(kind):
    network = getattr(keras_senet, f"MobileNetV3{kind.title()}")
    expected = PARAMETERS["mobilenet_v3"][kind]
    model = built(network)
    assert trainable(model) == expected["se"]
    assert model.count_params() - expected["se"] == 2 * expected["bn_channels"]
    blocks = [(gate.input.shape[-1], gate.reduce.filters) for gate in gates(model)]
    assert blocks == V3_SE[kind]
    se = sum(2 * c * h + c + h for c, h in blocks)
    assert trainable(built(network.replace(se=None))) == expected["se"] - se
    minimalistic = getattr(keras_senet, f"MobileNetV3{kind.title()}Minimalistic")
    assert trainable(built(minimalistic)) == expected["minimalistic"]


@pytest.mark.at_first("20")
@on_tensorflow
@pytest.mark.parametrize("depth", ["20", "56", "110", "164"])
def test_parameters_of_the_preactivation_networks(depth):
    expected = PARAMETERS["cifar"]["164bn" if depth == "164" else depth]
    model = built(getattr(keras_senet, f"SEPreResNet{depth}"))
    assert trainable(model) == expected["preact_se"]
    plain = expected["preact_se"] - se_weights(model) - se_biases(model)
    assert plain == expected["preact_plain"]


RESNET, INCEPTION_RESNET = keras_senet.SEResNet50, KINDS["inception_resnet"]
# Weights of both layers of all SE blocks, by network and design; none of these has biases.
DESIGNS = [
    # ResNet-50: the paper's tables 10, 13 and 14.
    (RESNET, {"reduction": 2}, 20_119_552),
    (RESNET, {"reduction": 4}, 10_059_776),
    (RESNET, {"reduction": 8}, 5_029_888),
    (RESNET, {"reduction": 32}, 1_257_472),
    (RESNET, {"stages": (2,)}, 24_576),
    (RESNET, {"stages": (3,)}, 131_072),
    (RESNET, {"stages": (4,)}, 786_432),
    (RESNET, {"stages": (2, 3, 4)}, 942_080),
    (RESNET, {"placement": "pre"}, 1_991_168),
    (RESNET, {"placement": "post"}, 2_514_944),
    (RESNET, {"placement": "identity"}, 2_514_944),
    (RESNET, {"placement": "3x3"}, 157_184),
    (RESNET, {"squeeze": "none"}, 2_514_944),
    # Budgets of table 3: after the depthwise convolution, on whole units.
    (keras_senet.SEMobileNet, {"placement": "3x3"}, 348_800),
    (keras_senet.SEShuffleNet, {"placement": "post"}, 720_000),
    (keras_senet.SEShuffleNet, {"placement": "standard"}, 610_416),
    # Sum of 2 C C // 16 over the widths that each design sees.
    (keras_senet.SEBNInception, {"placement": "pre"}, "192 256 320 576 576 576 608 608 1056 1024"),
    (
        keras_senet.SEMobileNet,
        {"placement": "pre"},
        "32 64 128 128 256 256 512 512 512 512 512 512 1024",
    ),
    (
        keras_senet.SEShuffleNet,
        {"placement": "pre"},
        "24 240 240 240 240" + " 480" * 8 + " 960" * 3,
    ),
    (keras_senet.SEShuffleNet, {"placement": "3x3"}, "60 " * 4 + "120 " * 8 + "240 " * 4),
    (
        keras_senet.SEShuffleNet,
        {"placement": "identity"},
        "24 240 240 240 240" + " 480" * 8 + " 960" * 3,
    ),
    (keras_senet.SEShuffleNetV2x10, {"placement": "post"}, "116 " * 4 + "232 " * 8 + "464 " * 4),
    (keras_senet.SEShuffleNetV2x10, {"placement": "3x3"}, "58 " * 4 + "116 " * 8 + "232 " * 4),
    (keras_senet.SEShuffleNetV2x10, {"placement": "identity"}, "58 " * 4 + "116 " * 8 + "232 " * 4),
    (
        keras_senet.SEShuffleNetV2x10,
        {"placement": "pre"},
        "24 58 58 58 116" + " 116" * 7 + " 232" + " 232" * 3,
    ),
    (INCEPTION_RESNET, {"placement": "standard"}, "320 1088 2080 2080"),
    (INCEPTION_RESNET, {"placement": "post"}, "320 1088 2080 2080"),
    (INCEPTION_RESNET, {"placement": "identity"}, "320 1088 2080 2080"),
    (INCEPTION_RESNET, {"placement": "pre"}, "320 1088 2080 2080"),
]


@pytest.mark.at_first(every=11)
@on_tensorflow
@pytest.mark.parametrize(("network", "design", "weights"), DESIGNS)
def test_se_parameters_by_design(network, design, weights):
    if isinstance(weights, str):
        widths = [int(width) for width in weights.split()]
        weights = sum(2 * width * (width // 16) for width in widths)
    model = built(network.replace(se=SEConfig(use_bias=False, **design)))
    assert (se_weights(model), se_biases(model)) == (weights, 0)
    assert trainable(model) == parameters_without_se(network) + weights
