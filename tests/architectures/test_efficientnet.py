"""EfficientNet and its relatives: published parameters, SE widths, dropped branches."""

import dataclasses
import json
import math
import pathlib

import keras
import numpy as np
import pytest
from backends import on_tensorflow
from small import KINDS, gates, shape

import keras_senet
from keras_senet import SEConfig
from keras_senet.analysis.costs.shapes import shapes_of
from keras_senet.weights.preprocessing import IMAGENET, MIDDLE

PARAMETERS = json.loads(
    (pathlib.Path(__file__).parents[1] / "golden" / "parameters.json").read_text()
)["efficientnet"]
NETWORKS = {
    **{f"tf_efficientnet_b{n}": getattr(keras_senet, f"EfficientNetB{n}") for n in range(9)},
    "tf_efficientnet_l2": keras_senet.EfficientNetL2,
    **{f"tf_efficientnetv2_b{n}": getattr(keras_senet, f"EfficientNetV2B{n}") for n in range(4)},
    **{
        f"tf_efficientnetv2_{size}": getattr(keras_senet, f"EfficientNetV2{size.upper()}")
        for size in ("s", "m", "l", "xl")
    },
    **{
        f"efficientnetv2_rw_{size}": getattr(keras_senet, f"EfficientNetV2RW{size.upper()}")
        for size in "tsm"
    },
    "semnasnet_100": keras_senet.MnasNetA1,
    "semnasnet_075": keras_senet.MnasNetA1x075,
    "mnasnet_small": keras_senet.MnasNetSmall,
    "test_efficientnet": keras_senet.EfficientNetV2Test,
    **{f"tinynet_{letter}": getattr(keras_senet, f"TinyNet{letter.upper()}") for letter in "abcde"},
    "tf_mobilenetv3_large_075": keras_senet.MobileNetV3Large075,
    "mobilenetv3_small_050": keras_senet.MobileNetV3Small050,
    "mobilenetv3_small_075": keras_senet.MobileNetV3Small075,
    "mobilenetv3_large_150d": keras_senet.MobileNetV3Large150d,
}
ONE, TWO = KINDS["efficientnet"], KINDS["efficientnet_v2"]


def trainable(model):
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


@pytest.mark.at_first("test_efficientnet", "tinynet_e", "mnasnet_small", "tf_efficientnet_b0")
@on_tensorflow
@pytest.mark.parametrize("name", PARAMETERS)
def test_published_parameters(name):
    assert PARAMETERS.keys() == NETWORKS.keys()
    model = shapes_of(NETWORKS[name])
    assert trainable(model) == PARAMETERS[name]


@on_tensorflow
@pytest.mark.parametrize(
    ("network", "stages"),
    [
        (keras_senet.EfficientNetB2, "1234567"),
        (keras_senet.EfficientNetV2B2, "456"),
        (keras_senet.MnasNetA1, "356"),
        (keras_senet.MnasNetSmall, "456"),
        (keras_senet.TinyNetE, "1234567"),
        (keras_senet.EfficientNetV2Test, "45"),
    ],
)
def test_se_is_a_quarter_as_wide_as_the_input_of_its_unit(network, stages, only_shapes):
    """Tan and Le's ratio 0.25; none in fused units."""
    model = network(input_shape=(64, 64, 3))
    blocks = gates(model)
    assert sorted({gate.name[len("stage")] for gate in blocks}) == list(stages)
    widths = {1: network._scaled(network.stem)}
    for stage, row in enumerate(network.stages, 1):
        widths[stage + 1] = network._scaled(row.filters)
    for gate in blocks:
        stage, first = int(gate.name[len("stage")]), "_block1_" in gate.name
        assert gate.reduce.filters == widths[stage if first else stage + 1] // 4
        assert gate.activation is keras.activations.get(network.activation)
    assert len(blocks) == sum(network.depths[int(stage) - 1] for stage in stages)


@on_tensorflow
@pytest.mark.parametrize("name", ["EfficientNetB0", "EfficientNetB1"])
def test_units_are_dropped_as_in_keras_applications(name, only_shapes):
    """The rate grows from unit to unit, as `rate * i / n`; timm's rule is the same."""
    theirs = getattr(keras.applications, name)(weights=None)
    expected = [layer.rate for layer in theirs.layers if layer.name.endswith("_drop")]
    model = getattr(keras_senet, name)(input_shape=(64, 64, 3))
    found = [layer.rate for layer in model.layers if layer.name.endswith("_drop")]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.at_first("one")
@pytest.mark.parametrize("network", [ONE, TWO], ids=["one", "two"])
def test_dropping_changes_no_prediction(network):
    model = network(input_shape=(64, 64, 3), classes=5)
    whole = network.replace(stochastic_depth=0.0)(input_shape=(64, 64, 3), classes=5)
    whole.set_weights(model.get_weights())
    assert not [layer for layer in whole.layers if layer.name.endswith("_drop")]
    x = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype("float32")
    a, b = (keras.ops.convert_to_numpy(one(x, training=False)) for one in (model, whole))
    np.testing.assert_array_equal(a, b)


def test_wrong_fields_are_refused():
    with pytest.raises(ValueError, match="`width` must be a number above 0"):
        ONE.replace(width=0)
    with pytest.raises(ValueError, match="`block` of a stage"):
        dataclasses.replace(ONE.stages[0], block="mbconv")


ROWS = TWO.stages
REFUSED = [
    (ONE.replace(se=None), r"SE blocks \d+ in stages \[1, 2, 3, 4, 5, 6, 7\]"),
    (ONE.replace(se=dataclasses.replace(ONE.se, activation="relu")), "SE activation 'silu'"),
    (ONE.replace(se=dataclasses.replace(ONE.se, ratio_of="gated")), "hidden width of SE"),
    (ONE.replace(se=dataclasses.replace(ONE.se, placement="standard")), "SE placement '3x3'"),
    (ONE.replace(se=dataclasses.replace(ONE.se, stages=(4, 5))), "SE blocks"),
    (ONE.replace(epsilon=1e-5), "padding and epsilon"),
    (ONE.replace(activation="relu"), "activation .silu."),
    (TWO.replace(se=SEConfig()), "SE blocks"),
    (TWO.replace(stages=(*ROWS[:2], ROWS[3], *ROWS[3:])), "blocks of the stages"),
    (
        TWO.replace(stages=(*ROWS[:4], dataclasses.replace(ROWS[4], expansion=1), ROWS[5])),
        "expansion 1",
    ),
]


def test_networks_without_se_have_no_public_weights():
    """timm's efficientnet_lite0 has the tensors of EfficientNetB0 without SE, and ReLU6."""
    assert ONE.replace(se=None).released_fields == {}


@pytest.mark.at_first(every=3)
@on_tensorflow
@pytest.mark.parametrize(("network", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_timm_computes_otherwise_is_not_exported(network, message, tmp_path, only_shapes):
    pytest.importorskip("safetensors")
    with pytest.raises(ValueError, match=message):
        keras_senet.export_weights(network(input_shape=(64, 64, 3)), tmp_path / "x.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.at_first("middle")
@pytest.mark.parametrize("pixels", [IMAGENET, MIDDLE], ids=["imagenet", "middle"])
def test_saved_models_keep_the_pixels_of_their_weights(pixels, tmp_path):
    """Public weights of one row differ in pixels; a saved model says which it has."""
    model = TWO.replace(preprocessing=pixels)(input_shape=shape(TWO), classes=5)
    model.save(tmp_path / "x.keras")
    again = TWO(weights=tmp_path / "x.keras", input_shape=shape(TWO))
    x = np.random.default_rng(0).integers(0, 256, (2, *shape(TWO))).astype("float32")
    a, b = (keras.ops.convert_to_numpy(one(x)) for one in (model, again))
    np.testing.assert_array_equal(a, b)
