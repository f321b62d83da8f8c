"""Where SE blocks are: their designs, their stages, and every choice of the block."""

import functools

import keras
import pytest
from small import KINDS, KINDS_HERE, gates, shape

from keras_senet import SEConfig

# The operation before the second gate, and the gate's name.
PLACES = {
    ("resnet", "standard"): ("stage3_block1_conv3_bn", "stage3_block1_se"),
    ("resnet", "pre"): ("stage2_block1", "stage3_block1_se"),
    ("resnet", "post"): ("stage3_block1_relu", "stage3_block1"),
    ("resnet", "identity"): ("stage3_block1_shortcut_bn", "stage3_block1_se"),
    ("resnet", "3x3"): ("stage3_block1_conv2_relu", "stage3_block1_se"),
    ("basic", "standard"): ("stage3_block1_conv2_bn", "stage3_block1_se"),
    ("basic", "pre"): ("stage2_block1", "stage3_block1_se"),
    ("basic", "post"): ("stage3_block1_relu", "stage3_block1"),
    ("basic", "identity"): ("stage3_block1_shortcut_bn", "stage3_block1_se"),
    ("cifar", "standard"): ("stage3_block1_conv2_bn", "stage3_block1_se"),
    ("cifar", "pre"): ("stage2_block1", "stage3_block1_se"),
    ("cifar", "post"): ("stage3_block1_relu", "stage3_block1"),
    ("cifar", "identity"): ("stage3_block1_shortcut_bn", "stage3_block1_se"),
    ("cifar_bottleneck", "standard"): ("stage3_block1_conv3_bn", "stage3_block1_se"),
    ("cifar_bottleneck", "pre"): ("stage2_block1", "stage3_block1_se"),
    ("cifar_bottleneck", "post"): ("stage3_block1_relu", "stage3_block1"),
    ("cifar_bottleneck", "identity"): ("stage3_block1_shortcut_bn", "stage3_block1_se"),
    ("cifar_bottleneck", "3x3"): ("stage3_block1_conv2_relu", "stage3_block1_se"),
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
    ("regnet", "standard"): ("stage2_block1_conv3_bn", "stage2_block1_se"),
    ("regnet", "pre"): ("stage1_block1", "stage2_block1_se"),
    ("regnet", "post"): ("stage2_block1_relu", "stage2_block1"),
    ("regnet", "identity"): ("stage2_block1_shortcut_bn", "stage2_block1_se"),
    ("regnet", "3x3"): ("stage2_block1_conv2_relu", "stage2_block1_se"),
    ("resnet_rs", "standard"): ("stage3_block1_conv3_bn", "stage3_block1_se"),
    ("resnet_rs", "pre"): ("stage2_block1", "stage3_block1_se"),
    ("resnet_rs", "post"): ("stage3_block1_relu", "stage3_block1"),
    ("resnet_rs", "3x3"): ("stage3_block1_conv2_relu", "stage3_block1_se"),
    ("resnet_rs", "identity"): ("stage3_block1_shortcut_bn", "stage3_block1_se"),
    ("efficientnet", "standard"): ("stage2_block1_conv3_bn", "stage2_block1"),
    ("efficientnet", "pre"): ("stage1_block1", "stage2_block1_se"),
    ("efficientnet", "post"): ("stage2_block1_conv3_bn", "stage2_block1"),
    ("efficientnet", "identity"): ("stage2_block1", "stage2_block2_se"),
    ("efficientnet", "3x3"): ("stage2_block1_conv2_silu", "stage2_block1_se"),
    ("efficientnet_v2", "standard"): ("stage1_block2_conv_silu", "stage1_block2_se"),
    ("efficientnet_v2", "pre"): ("stage1_block1", "stage1_block2_se"),
    ("efficientnet_v2", "post"): ("stage1_block2_add", "stage1_block2"),
    ("efficientnet_v2", "identity"): ("stage1_block1", "stage1_block2_se"),
    ("efficientnet_v2", "3x3"): ("stage1_block2_conv_silu", "stage1_block2_se"),
    ("preresnet", "standard"): ("stage3_block1_conv2", "stage3_block1_se"),
    ("preresnet", "pre"): ("stage3_block1_relu1", "stage3_block1_se"),
    ("preresnet", "post"): ("stage3_block1_add", "stage3_block1"),
    ("preresnet", "identity"): ("stage3_block1_shortcut", "stage3_block1_se"),
    ("preresnet_bottleneck", "standard"): ("stage3_block1_conv3", "stage3_block1_se"),
    ("preresnet_bottleneck", "pre"): ("stage3_block1_relu1", "stage3_block1_se"),
    ("preresnet_bottleneck", "post"): ("stage3_block1_add", "stage3_block1"),
    ("preresnet_bottleneck", "identity"): ("stage3_block1_shortcut", "stage3_block1_se"),
    ("preresnet_bottleneck", "3x3"): ("stage3_block1_conv2", "stage3_block1_se"),
}


@functools.cache
def feature_shapes(kind):
    network = KINDS[kind]
    features = network(pyramid=True, input_shape=shape(network)).output
    return {name: feature.shape for name, feature in features.items()}


@pytest.mark.at_first(every=13)
@pytest.mark.parametrize(("kind", "placement"), PLACES)
def test_placements(kind, placement, only_shapes):
    network = KINDS[kind].replace(se=SEConfig(placement=placement))
    model = network(input_shape=shape(network))
    # One a unit; inverted ones have a shortcut only at stride 1 between equal widths.
    shortcuts = {"mobilenet_v3": 5, "efficientnet": 6, "efficientnet_v2": 5}
    without = shortcuts.get(kind, 0) if placement == "identity" else 0
    assert len(gates(model)) == sum(network.depths) - without
    shapes = {name: model.get_layer(name).output.shape for name in network.feature_names}
    assert shapes == feature_shapes(kind)  # a block's last layer has its name, wherever SE is
    gate = gates(model)[1]
    before, name = PLACES[kind, placement]
    source = gate.input._keras_history.operation.name
    assert (source.split("_")[0] if before == "split" else source, gate.name) == (before, name)


@pytest.mark.parametrize("kind", dict.fromkeys(kind for kind, _ in PLACES))
def test_every_placement_has_a_place_or_a_reason(kind):
    for placement in ("standard", "pre", "post", "identity", "3x3"):
        if (kind, placement) not in PLACES:
            with pytest.raises(ValueError, match=r"is undefined for .* Use placement 'standard'"):
                KINDS[kind].replace(se=SEConfig(placement=placement))


@pytest.mark.at_first(every=9)
@pytest.mark.parametrize("kind", KINDS_HERE)
def test_a_subset_of_stages_with_a_ratio_for_each(kind, only_shapes):
    network = KINDS[kind]
    one, *_, other = network.se_stages
    se = SEConfig(stages=(one, other), reduction=(2, 4))
    found = gates(network.replace(se=se)(input_shape=shape(network)))
    assert {gate.name[: len("stage1")] for gate in found} == {f"stage{one}", f"stage{other}"}
    for gate in found:
        ratio = 2 if gate.name.startswith(f"stage{one}") else 4
        assert gate.reduce.filters == max(1, gate.input.shape[-1] // ratio)
    with pytest.raises(ValueError, match=f"no stage 9 to put SE into. Its stages: {one}"):
        network.replace(se=SEConfig(stages=(one, 9)))


def hidden_widths(kind, placement):
    network = KINDS[kind].replace(
        se=SEConfig(placement=placement, ratio_of="input", reduction=2, divisor=1)
    )
    model = network(input_shape=shape(network))
    return {gate.name.removesuffix("_se"): gate.reduce.filters for gate in gates(model)}


@pytest.mark.at_first(every=19)
@pytest.mark.parametrize(("kind", "placement"), PLACES)
def test_a_ratio_of_the_units_input(kind, placement, only_shapes):
    """Before a unit the block rescales what enters: the other placements have its hidden width."""
    if kind == "vgg":
        assert list(hidden_widths(kind, placement).values()) == [2, 32, 64, 128, 256]
    elif kind == "shufflenet_v2":  # it splits what enters, so that placement "pre" tells less
        assert list(hidden_widths(kind, placement).values())[:3] == [12, 24, 24]
    else:
        before = KINDS[kind].replace(se=SEConfig(placement="pre", reduction=2, divisor=1))
        model = before(input_shape=shape(before))
        widths = {gate.name.removesuffix("_se"): gate.reduce.filters for gate in gates(model)}
        assert hidden_widths(kind, placement).items() <= widths.items()


@pytest.mark.at_first(every=4)
@pytest.mark.parametrize("kind", KINDS_HERE)
def test_choices_of_the_block(kind, only_shapes):
    network = KINDS[kind]
    se = SEConfig(squeeze="max", gate="tanh", activation="silu", use_bias=False, divisor=4)
    for gate in gates(network.replace(se=se)(input_shape=shape(network))):
        assert (gate.squeeze, gate.gate, gate.use_bias, gate.divisor) == ("max", "tanh", False, 4)
        assert gate.activation is keras.activations.silu
