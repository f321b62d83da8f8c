"""Stochastic depth: a branch is dropped for whole images, in training only."""

import keras
import numpy as np
import pytest
from backends import on_tensorflow
from small import KINDS, shape

import keras_senet
from keras_senet import SEConfig, export
from keras_senet.analysis import cost, excitations, remove_se
from keras_senet.architectures.blocks import residual_unit
from keras_senet.surgery.fold import fold

PLAIN = keras_senet.SEResNet20.replace(depths=(1, 2, 1))
NETWORK = PLAIN.replace(stochastic_depth=0.5)
RESIDUAL = [name for name, network in KINDS.items() if network.no_sums is None]
IMAGES = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3)).astype("float32")


def outputs(model, images=IMAGES):
    return keras.ops.convert_to_numpy(model(images, training=False))


def trained(network):
    """A model whose statistics, biases and SE are not those of a new one."""
    model, rng = network(), np.random.default_rng(3)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return model


@pytest.mark.at_first(every=2)
@pytest.mark.parametrize(
    ("network", "last", "dropped"),
    [
        # timm's rule for ResNets: rate * index / (units - 1).
        (keras_senet.SEResNet18, 7, 7),
        (keras_senet.SEResNet20, 8, 8),
        (keras_senet.SEInceptionResNetV2, 39, 39),
        (keras_senet.SEShuffleNet, 15, 13),  # the first units of stages concatenate
        # timm's rule for MobileNetV3: rate * index / blocks, and the last convolution is a block.
        # Units with another stride or width than 1 and their input's have no sum.
        (keras_senet.MobileNetV3Large, 16, 9),
        (keras_senet.MobileNetV3Small, 12, 6),
    ],
)
def test_rates_grow_with_depth(network, last, dropped, only_shapes):
    model = network.replace(stochastic_depth=0.7)(input_shape=shape(network))
    rates = {
        layer.name.removesuffix("_drop"): layer.rate
        for layer in model.layers
        if layer.name.endswith("_drop")
    }
    assert len(rates) == dropped
    first = 3 if isinstance(network, keras_senet.InceptionResNet) else network.se_stages[0]
    units = [
        f"stage{stage}_block{block}"
        for stage, depth in enumerate(network.depths, first)
        for block in range(1, depth + 1)
    ]
    for unit, rate in rates.items():
        assert rate == pytest.approx(0.7 * units.index(unit) / last), unit


def unit(rate):
    """`x + 2 x` with a branch that is dropped."""
    x = keras.Input((2, 2, 3))
    branch = keras.layers.Rescaling(2.0)
    y = residual_unit(x, branch, lambda x: x, None, 2, "unit", has_relu=False, drop_rate=rate)
    return keras.Model(x, y)


def test_whole_branches_are_dropped_and_the_mean_is_kept():
    images = np.ones((4000, 2, 2, 3), "float32")
    found = keras.ops.convert_to_numpy(unit(0.25)(images, training=True))
    kept = found[:, 0, 0, 0] > 2
    np.testing.assert_allclose(found, np.where(kept, 1 + 2 / 0.75, 1)[:, None, None, None] * images)
    # Five standard deviations of the share of 4000 images.
    assert abs(kept.mean() - 0.75) < 5 * np.sqrt(0.75 * 0.25 / 4000)
    np.testing.assert_array_equal(outputs(unit(0.25), images), 3 * images)


def test_at_a_rate_near_1_only_shortcuts_are_left():
    images = np.random.default_rng(2).normal(size=(8, 2, 2, 3)).astype("float32")
    found = keras.ops.convert_to_numpy(unit(1 - 1e-6)(images, training=True))
    np.testing.assert_array_equal(found, images)


@pytest.mark.slow
def test_inference_and_analysis_are_those_without_it():
    model, plain = trained(NETWORK), PLAIN()
    plain.set_weights(model.get_weights())
    np.testing.assert_array_equal(outputs(model), outputs(plain))
    assert cost(model).macs == cost(plain).macs
    assert cost(model).parameters == cost(plain).parameters
    assert cost(model).peak_bytes == cost(plain).peak_bytes
    removed, bare = (
        remove_se(one, ["stage3_block2_se"], excitations(one, IMAGES)) for one in (model, plain)
    )
    np.testing.assert_array_equal(outputs(removed), outputs(bare))
    assert removed.get_layer("stage3_block2_drop").rate == pytest.approx(0.5 * 2 / 3)
    assert not any("drop" in layer.name for layer in plain.layers)


@pytest.mark.slow
@on_tensorflow
def test_a_folded_network_is_the_same(tmp_path):
    model, plain = trained(NETWORK), PLAIN()
    plain.set_weights(model.get_weights())
    folded, bare = fold(model), fold(plain)
    assert [layer.name for layer in folded.layers] == [layer.name for layer in bare.layers]
    np.testing.assert_array_equal(outputs(folded), outputs(bare))
    sizes = []
    for name, one in (("x", model), ("y", plain)):
        path = export.to_tflite(one, tmp_path / f"{name}.tflite")
        assert export.verify(one, path, IMAGES).largest_difference < 1e-5
        sizes.append(path.stat().st_size)
    assert abs(sizes[0] - sizes[1]) < 100  # the names of tensors


@pytest.mark.at_first(every=11)
@pytest.mark.parametrize("se", [None, SEConfig(), SEConfig(placement="identity")])
@pytest.mark.parametrize("kind", RESIDUAL)
def test_the_order_of_layers_stays(kind, se, only_shapes):
    """By it `.weights.h5` files name the weights, and some of a unit have the same shape."""
    network = KINDS[kind].replace(se=se)
    orders = [
        [weight.path for weight in one(input_shape=shape(one)).weights]
        for one in (network, network.replace(stochastic_depth=0.5))
    ]
    assert orders[0] == orders[1]


@pytest.mark.at_first(every=5)
@pytest.mark.parametrize("suffix", [".keras", ".weights.h5", ".safetensors"])
@pytest.mark.parametrize(("source", "target"), [(NETWORK, PLAIN), (PLAIN, NETWORK)])
def test_weights_load_with_and_without_it(source, target, suffix, tmp_path):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    model, path = trained(source), tmp_path / f"x{suffix}"
    if suffix == ".keras":
        model.save(path)
    elif suffix == ".safetensors":
        keras_senet.export_weights(model, path)
    else:
        model.save_weights(path)
        other = target()
        other.load_weights(path)
        np.testing.assert_array_equal(outputs(other), outputs(model))
    found = target(weights=path)
    np.testing.assert_array_equal(outputs(found), outputs(model))
    assert any("drop" in layer.name for layer in found.layers) == (target is NETWORK)


def test_a_saved_model_drops_still(tmp_path):
    model = trained(NETWORK)
    model.save(tmp_path / "x.keras")
    loaded = keras.saving.load_model(tmp_path / "x.keras")
    np.testing.assert_array_equal(outputs(loaded), outputs(model))
    assert loaded.get_layer("stage4_block1_drop").rate == 0.5


@pytest.mark.parametrize(
    "network",
    [
        keras_senet.SEVGG16,
        keras_senet.SEBNInception,
        keras_senet.SEMobileNet,
        keras_senet.SEShuffleNetV2x10,
    ],
)
def test_networks_without_sums_refuse_it(network):
    with pytest.raises(ValueError, match=r"`stochastic_depth` must be 0 in .*units|Inception"):
        network.replace(stochastic_depth=0.1)


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5])
def test_a_rate_is_a_share_below_1(rate):
    with pytest.raises(ValueError, match="`stochastic_depth` must be a share"):
        keras_senet.SEResNet50.replace(stochastic_depth=rate)
