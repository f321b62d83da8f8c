"""Counts, shapes and designs of the families that are no residual networks of the paper."""

import dataclasses
import json
import math
import pathlib

import keras
import numpy as np
import pytest
from small import shallow, size, variants

import keras_senet
from keras_senet import SEConfig

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
PARAMETERS = json.loads((GOLDEN / "parameters.json").read_text())
FAMILIES = {
    "bn_inception": keras_senet.SEBNInception,
    "vgg16": keras_senet.SEVGG16,
    "inception_resnet_v2": keras_senet.SEInceptionResNetV2,
    "mobilenet": keras_senet.SEMobileNet,
    "shufflenet_g3": keras_senet.SEShuffleNet,
}
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
SMALL = {
    "bn_inception": shallow(keras_senet.SEBNInception),
    "inception_resnet": shallow(keras_senet.SEInceptionResNetV2),
    "vgg": shallow(keras_senet.SEVGG16),
    "mobilenet": shallow(keras_senet.SEMobileNet),
    "mobilenet_v3": shallow(keras_senet.MobileNetV3Large),
    "shufflenet": shallow(keras_senet.SEShuffleNet),
    "shufflenet_v2": shallow(keras_senet.SEShuffleNetV2x05),
    "preresnet": shallow(keras_senet.SEPreResNet20),
    "preresnet_bottleneck": shallow(keras_senet.SEPreResNet164),
}
SHALLOW_INCEPTION_RESNET = SMALL["inception_resnet"]
NO_BIAS = SEConfig(use_bias=False)
once = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the same on every backend"
)


@pytest.fixture
def zero_weights(monkeypatch):
    """Only counts matter: hundreds of millions of random numbers would take a minute."""
    monkeypatch.setattr(
        keras.initializers.HeNormal,
        "__call__",
        lambda self, shape, dtype=None: keras.ops.zeros(shape, dtype),
    )


def trainable(model):
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def gates(model):
    return [x for x in model.layers if isinstance(x, keras_senet.layers.SqueezeExcitation)]


def se_weights(model):
    return sum(
        math.prod(product.kernel.shape)
        for gate in gates(model)
        for product in (gate.reduce, gate.expand)
    )


def se_biases(model):
    return sum(gate.count_params() for gate in gates(model)) - se_weights(model)


def image_of(network):
    return (size(network), size(network), 3)


@once
@pytest.mark.parametrize("name", FAMILIES)
def test_parameters(name, zero_weights):
    expected = PARAMETERS["families"][name]
    model = FAMILIES[name]()
    assert trainable(model) == expected["se"]
    assert model.count_params() - expected["se"] == 2 * expected["bn_channels"]
    assert expected["se"] - se_weights(model) - se_biases(model) == expected["plain"]
    assert expected["se"] - se_biases(model) == expected["se_no_bias"]


@once
@pytest.mark.parametrize("name", PLAIN)
def test_parameters_of_the_shufflenets(name, zero_weights):
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
    model = network()
    assert trainable(model) == PARAMETERS["plain"][name] + weights + sum(widths + hidden)
    assert (se_weights(model), se_biases(model)) == (weights, sum(widths + hidden))


@pytest.mark.parametrize("family", SMALL)
def test_plain_networks_lack_se_and_nothing_else(family, zero_weights):
    network = SMALL[family]
    model, plain = network(), network.replace(se=None)()
    assert gates(plain) == []
    assert trainable(plain) == trainable(model) - se_weights(model) - se_biases(model)


@once
def test_conventions_of_other_implementations(zero_weights):
    """Biases of convolutions add their channels, gammas those of the normalizations."""
    for name, small, change in (
        ("bn_inception", SMALL["bn_inception"], {"conv_bias": True}),
        ("vgg16", SMALL["vgg"], {"conv_bias": True}),
        ("inception_resnet_v2", SMALL["inception_resnet"], {"gamma": True}),
    ):
        expected = PARAMETERS["families"][name]
        (field,) = change
        assert expected[field] == expected["plain"] + expected["bn_channels"]
        model, other = small(), small.replace(**change)()
        channels = (model.count_params() - trainable(model)) // 2
        assert trainable(other) == trainable(model) + channels


@once
@pytest.mark.parametrize("kind", ["large", "small"])
def test_parameters_of_mobilenet_v3(kind, zero_weights):
    network = getattr(keras_senet, f"MobileNetV3{kind.title()}")
    expected = PARAMETERS["mobilenet_v3"][kind]
    model = network()
    assert trainable(model) == expected["se"]
    assert model.count_params() - expected["se"] == 2 * expected["bn_channels"]
    blocks = [(gate.input.shape[-1], gate.reduce.filters) for gate in gates(model)]
    assert blocks == V3_SE[kind]
    se = sum(2 * c * h + c + h for c, h in blocks)
    assert trainable(network.replace(se=None)()) == expected["se"] - se
    minimalistic = getattr(keras_senet, f"MobileNetV3{kind.title()}Minimalistic")
    assert trainable(minimalistic()) == expected["minimalistic"]


@once
@pytest.mark.parametrize("depth", ["20", "56", "110", "164"])
def test_parameters_of_the_preactivation_networks(depth, zero_weights):
    expected = PARAMETERS["cifar"]["164bn" if depth == "164" else depth]
    model = getattr(keras_senet, f"SEPreResNet{depth}")()
    assert trainable(model) == expected["preact_se"]
    plain = expected["preact_se"] - se_weights(model) - se_biases(model)
    assert plain == expected["preact_plain"]


@once
@pytest.mark.parametrize(
    ("network", "placement", "weights"),
    [
        # Budgets of table 3: after the depthwise convolution, on whole units.
        (keras_senet.SEMobileNet, "3x3", 348_800),
        (keras_senet.SEShuffleNet, "post", 720_000),
        (keras_senet.SEShuffleNet, "standard", 610_416),
        # Sum of 2 C C // 16 over the widths that each design sees.
        (keras_senet.SEBNInception, "pre", "192 256 320 576 576 576 608 608 1056 1024"),
        (keras_senet.SEMobileNet, "pre", "32 64 128 128 256 256 512 512 512 512 512 512 1024"),
        (keras_senet.SEShuffleNet, "pre", "24 240 240 240 240" + " 480" * 8 + " 960" * 3),
        (keras_senet.SEShuffleNet, "3x3", "60 " * 4 + "120 " * 8 + "240 " * 4),
        (keras_senet.SEShuffleNet, "identity", "24 240 240 240 240" + " 480" * 8 + " 960" * 3),
        (keras_senet.SEShuffleNetV2x10, "post", "116 " * 4 + "232 " * 8 + "464 " * 4),
        (keras_senet.SEShuffleNetV2x10, "3x3", "58 " * 4 + "116 " * 8 + "232 " * 4),
        (keras_senet.SEShuffleNetV2x10, "identity", "58 " * 4 + "116 " * 8 + "232 " * 4),
        (
            keras_senet.SEShuffleNetV2x10,
            "pre",
            "24 58 58 58 116" + " 116" * 7 + " 232" + " 232" * 3,
        ),
        (SHALLOW_INCEPTION_RESNET, "standard", "320 1088 2080 2080"),
        (SHALLOW_INCEPTION_RESNET, "post", "320 1088 2080 2080"),
        (SHALLOW_INCEPTION_RESNET, "identity", "320 1088 2080 2080"),
        (SHALLOW_INCEPTION_RESNET, "pre", "320 1088 2080 2080"),
    ],
)
def test_se_parameters_by_design(network, placement, weights, zero_weights):
    if isinstance(weights, str):
        widths = [int(width) for width in weights.split()]
        weights = sum(2 * width * (width // 16) for width in widths)
    model = network.replace(se=dataclasses.replace(NO_BIAS, placement=placement))()
    assert (se_weights(model), se_biases(model)) == (weights, 0)


# The operation before the second gate, and the gate's name.
PLACES = {
    ("bn_inception", "standard"): ("stage4_block1_out", "stage4_block1"),
    ("bn_inception", "pre"): ("stage3_block1", "stage4_block1_se"),
    ("inception_resnet", "standard"): ("stage4_block1_conv", "stage4_block1_se"),
    ("inception_resnet", "pre"): ("stage4_mixed", "stage4_block1_se"),
    ("inception_resnet", "post"): ("stage4_block1_relu", "stage4_block1"),
    ("inception_resnet", "identity"): ("stage4_mixed", "stage4_block1_se"),
    ("vgg", "standard"): ("stage2_block1_out", "stage2_block1"),
    ("mobilenet", "standard"): ("stage2_block1_out", "stage2_block1"),
    ("mobilenet", "pre"): ("stage1_block1", "stage2_block1_se"),
    ("mobilenet", "3x3"): ("stage2_block1_conv1_relu", "stage2_block1_se"),
    ("mobilenet_v3", "standard"): ("stage2_block1_conv3_bn", "stage2_block1"),
    ("mobilenet_v3", "pre"): ("stage1_block1", "stage2_block1_se"),
    ("mobilenet_v3", "post"): ("stage2_block1_conv3_bn", "stage2_block1"),
    ("mobilenet_v3", "identity"): ("stage2_block1", "stage2_block2_se"),
    ("mobilenet_v3", "3x3"): ("stage2_block1_conv2_relu", "stage2_block1_se"),
    ("shufflenet", "standard"): ("stage2_block2_conv3_bn", "stage2_block2_se"),
    ("shufflenet", "pre"): ("stage2_block1", "stage2_block2_se"),
    ("shufflenet", "post"): ("stage2_block2_relu", "stage2_block2"),
    ("shufflenet", "identity"): ("stage2_block1", "stage2_block2_se"),
    ("shufflenet", "3x3"): ("stage2_block2_conv2_bn", "stage2_block2_se"),
    ("shufflenet_v2", "standard"): ("stage2_block2_branch2_conv3_relu", "stage2_block2_se"),
    ("shufflenet_v2", "pre"): ("split", "stage2_block2_se"),
    ("shufflenet_v2", "post"): ("stage2_block2_shuffle", "stage2_block2"),
    ("shufflenet_v2", "identity"): ("split", "stage2_block2_se"),
    ("shufflenet_v2", "3x3"): ("stage2_block2_branch2_conv2_bn", "stage2_block2_se"),
    ("preresnet", "standard"): ("stage3_block1_conv2", "stage3_block1_se"),
    ("preresnet", "pre"): ("stage3_block1_relu1", "stage3_block1_se"),
    ("preresnet", "post"): ("stage3_block1_add", "stage3_block1"),
    ("preresnet", "identity"): ("stage3_block1_shortcut", "stage3_block1_se"),
    ("preresnet_bottleneck", "standard"): ("stage3_block1_conv3", "stage3_block1_se"),
    ("preresnet_bottleneck", "3x3"): ("stage3_block1_conv2", "stage3_block1_se"),
}


@pytest.mark.parametrize(("family", "placement"), PLACES)
def test_placements(family, placement, zero_weights):
    network = SMALL[family].replace(se=SEConfig(placement=placement))
    gate = gates(network(input_shape=image_of(network)))[1]
    before, name = PLACES[family, placement]
    source = gate.input._keras_history.operation.name
    assert (source.split("_")[0] if before == "split" else source, gate.name) == (before, name)


@pytest.mark.parametrize("family", SMALL)
def test_every_placement_has_a_place_or_a_reason(family):
    for placement in ("standard", "pre", "post", "identity", "3x3"):
        if (family, placement) not in PLACES and not family.startswith("preresnet_"):
            with pytest.raises(ValueError, match=r"is undefined for .* Use placement 'standard'"):
                SMALL[family].replace(se=SEConfig(placement=placement))


@pytest.mark.parametrize("family", SMALL)
def test_a_subset_of_stages_with_a_ratio_for_each(family, zero_weights):
    network = SMALL[family]
    one, *_, other = network.se_stages
    se = SEConfig(stages=(one, other), reduction=(2, 4))
    found = gates(network.replace(se=se)(input_shape=image_of(network)))
    assert {gate.name[: len("stage1")] for gate in found} == {f"stage{one}", f"stage{other}"}
    for gate in found:
        ratio = 2 if gate.name.startswith(f"stage{one}") else 4
        assert gate.reduce.filters == max(1, gate.input.shape[-1] // ratio)
    with pytest.raises(ValueError, match=f"no stage 9 to put SE into. Its stages: {one}"):
        network.replace(se=SEConfig(stages=(one, 9)))


@pytest.mark.parametrize("family", SMALL)
def test_choices_of_the_block(family, zero_weights):
    network = SMALL[family]
    se = SEConfig(squeeze="max", gate="tanh", activation="silu", use_bias=False, divisor=4)
    for gate in gates(network.replace(se=se)(input_shape=image_of(network))):
        assert (gate.squeeze, gate.gate, gate.use_bias, gate.divisor) == ("max", "tanh", False, 4)
        assert gate.activation is keras.activations.silu


def expected_sizes(family, side):
    """Sizes of the feature maps of an image of this side, finest first."""
    if family == "inception_resnet":  # convolutions and pooling without padding
        stem = (side - 3) // 2 + 1 - 2
        second = (stem - 3) // 2 + 1 - 2
        third = (second - 3) // 2 + 1
        fourth = (third - 3) // 2 + 1
        fifth = (fourth - 3) // 2 + 1
        return [stem, second, third, fourth, fifth]
    if family == "bn_inception":  # Caffe's pooling: no padding, rounded up
        stem = math.ceil(side / 2)
        second = math.ceil((stem - 3) / 2) + 1
        third = math.ceil((second - 3) / 2) + 1
        return [stem, second, third, math.ceil(third / 2), math.ceil(math.ceil(third / 2) / 2)]
    if family == "vgg":  # pooling without padding
        return [side // 2**power for power in range(6)]
    powers = range(3) if family.startswith("preresnet") else range(1, 6)
    return [math.ceil(side / 2**power) for power in powers]


@pytest.mark.parametrize("family", SMALL)
@pytest.mark.parametrize("sides", [(96, 96), (101, 79), (None, None)])
def test_strides_and_pyramid_at_even_and_odd_sizes(family, sides, zero_weights):
    network = SMALL[family]
    features = network(pyramid=True, include_top=False, input_shape=(*sides, 3)).output
    assert list(features) == list(network.feature_names)
    if None in sides:
        return
    found = [tuple(feature.shape[1:3]) for feature in features.values()]
    expected = zip(*(expected_sizes(family, side) for side in sides), strict=True)
    assert found == list(expected)


@pytest.mark.parametrize("family", SMALL)
def test_any_size_with_the_same_weights(family):
    """A model of open size computes what one of a fixed, odd size does."""
    if family == "vgg":
        pytest.skip("the first fully connected layer is as large as the map below 224 pixels")
    network = SMALL[family]
    fixed = network(input_shape=(101, 95, 3), classes=5)
    network_of_any_size = network(input_shape=(None, None, 3), classes=5)
    network_of_any_size.set_weights(fixed.get_weights())
    x = np.random.default_rng(0).integers(0, 256, (1, 101, 95, 3)).astype("float32")
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(fixed(x)),
        keras.ops.convert_to_numpy(network_of_any_size(x)),
        atol=1e-6,
    )


def test_vgg_slides_over_larger_images():
    """At 224 pixels the network of the paper; at 256 the average over its 2 x 2 views."""
    network = shallow(keras_senet.SEVGG16).replace(se=None)
    model = network(input_shape=(None, None, 3), classes=5, classifier_activation=None)
    x = np.random.default_rng(0).integers(0, 256, (1, 256, 256, 3)).astype("float32")
    backbone = keras.Model(model.input, model.get_layer("stage5_pool").output)
    features = keras.ops.convert_to_numpy(backbone(x))
    views = [features[:, i : i + 7, j : j + 7] for i in (0, 1) for j in (0, 1)]
    hidden = [model.get_layer(f"head_conv{i}").get_weights() for i in (1, 2)]
    kernel, bias = model.get_layer("head").get_weights()
    scores = []
    for view in views:
        y = view.reshape(1, -1)
        for weights in hidden:
            y = np.maximum(y @ weights[0].reshape(-1, 4096) + weights[1], 0)
        scores.append(y @ kernel + bias)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(model(x)), np.mean(scores, 0), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("family", SMALL)
def test_saved_model_is_the_same(family, tmp_path):
    network = SMALL[family]
    model = network(input_shape=image_of(network), classes=5)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).integers(0, 256, (2, *image_of(network))).astype("float32")
    difference = keras.ops.convert_to_numpy(model(x)) - keras.ops.convert_to_numpy(loaded(x))
    assert np.abs(difference).max() == 0.0


@pytest.mark.parametrize("family", SMALL)
def test_mixed_precision_ends_in_float32(family, zero_weights):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = SMALL[family](input_shape=image_of(SMALL[family]))
    finally:
        keras.config.set_dtype_policy("float32")
    for layer in model.layers:
        if layer.name.startswith("head"):
            assert layer.compute_dtype == "float32", layer.name
    assert keras.backend.standardize_dtype(model.output.dtype) == "float32"


def test_layer_names_and_their_order_are_a_file_format(zero_weights):
    golden = json.loads((GOLDEN / "family_layer_names.json").read_text())
    assert list(golden) == list(SMALL)
    for family, names in golden.items():
        model = SMALL[family](input_shape=image_of(SMALL[family]))
        assert [layer.name for layer in model.layers] == names


def test_every_se_value_has_a_plain_one():
    values = variants()
    for name, network in values.items():
        if name.startswith("SE") and name != "SENet154":
            assert values[name.removeprefix("SE")].se is None
            assert network.se == SEConfig()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SEConfig(reduction=(8, 16)), "needs as many `stages`"),
        (lambda: SEConfig(reduction=(8, 16), stages=(3,)), "needs as many `stages`"),
        (lambda: SEConfig(round_limit=2), "`round_limit` must be in 0..1"),
        (lambda: keras_senet.SEShuffleNet.replace(groups=5), "`groups` must be one of"),
        (lambda: keras_senet.SEShuffleNet.replace(scale=0.3), "`scale` must leave widths"),
        (lambda: keras_senet.SEVGG16.replace(depths=(1, 1)), "`depths` must have five numbers"),
        (
            lambda: keras_senet.SEShuffleNetV2x10.replace(filters=(3, 4, 4, 8)),
            "`filters` must have four numbers",
        ),
        (
            lambda: keras_senet.SEShuffleNetV2x10.replace(stem_pool="same"),
            "`stem_pool` must be 'ceil' or 'pad'",
        ),
    ],
)
def test_errors_say_what_to_do(call, message):
    with pytest.raises(ValueError, match=message):
        call()
