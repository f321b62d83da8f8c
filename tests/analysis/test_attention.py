"""The analysis sees ECA, eSE and scSE as it sees SE."""

import keras
import numpy as np
import pytest
from backends import on_tensorflow

import keras_senet
from keras_senet import ECAConfig, ESEConfig, SCSEConfig, analysis

NETWORK = keras_senet.SEResNet164.replace(depths=(1, 1, 1), classes=4)
DESIGNS = {"eca": ECAConfig(), "ese": ESEConfig(), "scse": SCSEConfig()}
IMAGES = np.random.default_rng(0).uniform(0, 255, (12, 16, 16, 3)).astype("float32")
LABELS = np.arange(12) % 4


def network(design):
    return NETWORK.replace(se=DESIGNS[design])(input_shape=(16, 16, 3))


@pytest.mark.at_first("eca")
@pytest.mark.parametrize("design", DESIGNS)
def test_excitations_are_the_gates(design):
    model = network(design)
    found = analysis.excitations(model, (IMAGES, LABELS))
    assert [block.name for block in found.blocks] == [f"stage{i}_block1_se" for i in (2, 3, 4)]
    for block in found.blocks:
        layer = model.get_layer(block.name)
        seen = keras.Model(model.input, layer.input)(IMAGES)
        gates = keras.ops.convert_to_numpy(layer.gates(seen)).mean((1, 2))
        np.testing.assert_allclose(block.mean, gates.mean(0), rtol=1e-4, atol=1e-5)
        assert block.gate == layer.gate
        assert block.gamma is not None
    assert found["stage4_block1_se"].histogram.sum() == 12 * 256


@pytest.mark.at_first("eca")
@on_tensorflow
@pytest.mark.parametrize("design", DESIGNS)
def test_report_usefulness_and_removal(design, tmp_path):
    pytest.importorskip("matplotlib")
    from keras_senet.analysis.gates.report import write_report

    model = network(design)
    found = analysis.excitations(model, (IMAGES, LABELS))
    assert write_report(found, tmp_path / "report.html").stat().st_size > 10_000
    found.save(tmp_path / "found.npz")
    again = analysis.Excitations.load(tmp_path / "found.npz")
    assert again.blocks[0].gate == found.blocks[0].gate
    uses = analysis.usefulness(model, (IMAGES, LABELS), found).blocks
    assert {use.block for use in uses} == {block.name for block in found.blocks}
    names = [block.name for block in found.blocks]
    smaller = analysis.remove_se(model, names, found)
    layers = keras_senet.layers
    assert not any(isinstance(layer, layers.ChannelAttention) for layer in smaller.layers)
    # By hand: the same network with the gates replaced by their means.
    means = {block.name: block.mean.astype("float32") for block in found.blocks}
    x = IMAGES
    for layer in model.layers[1:]:
        if layer.name in means:
            layer.call = lambda inputs, mean=means[layer.name], **_: inputs * mean
    expected = keras.ops.convert_to_numpy(model(x))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(smaller(x)), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("design", "parameters", "macs"),
    [
        # Of the last block: 256 channels, 4x4 pixels.
        ("eca", 5, 5 * 256),
        ("ese", 256 * 257, 256 * 256),
        ("scse", 2 * 256 * 16 + 256 + 16 + 257, 2 * 256 * 16 + 16 * 256),
    ],
)
def test_cost(design, parameters, macs):
    counted = analysis.cost(network(design))
    (layer,) = (layer for layer in counted.layers if layer.name == "stage4_block1_se")
    assert (layer.parameters, layer.macs, layer.additions) == (parameters, macs, 16 * 256)
    assert len(counted.se.layers) == 3
