"""SqueezeExcitation against the paper's formulas, by hand in numpy."""

import keras
import numpy as np
import pytest

from keras_senet.layers import SqueezeExcitation

GATES = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "doubled_sigmoid": lambda x: 2 / (1 + np.exp(-x)),
}
SQUEEZES = {
    "avg": lambda x, layer: x.mean((1, 2), keepdims=True),
    "max": lambda x, layer: x.max((1, 2), keepdims=True),
    "none": lambda x, layer: x,
    "conv": lambda x, layer: (x * np.asarray(layer.pool)).sum((1, 2), keepdims=True),
}


def image(shape=(2, 5, 3, 32), seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def randomized(layer, shape):
    layer.build((None, *shape[1:]))
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape, scale=0.3) for w in layer.get_weights()])
    return layer


def by_hand(layer, x):
    """Equations 2 to 4 with the layer's weights, in float64."""
    weights = {w.path.split(f"{layer.name}/")[-1]: np.float64(np.asarray(w)) for w in layer.weights}
    z = SQUEEZES[layer.squeeze](np.float64(x), layer)
    hidden = z @ weights["reduce/kernel"][0, 0] + weights.get("reduce/bias", 0)
    logits = np.maximum(hidden, 0) @ weights["expand/kernel"][0, 0] + weights.get("expand/bias", 0)
    return x * GATES[layer.gate](logits)


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("squeeze", SQUEEZES)
@pytest.mark.parametrize("use_bias", [True, False])
def test_equals_the_formula(squeeze, gate, use_bias):
    x = image()
    layer = randomized(SqueezeExcitation(8, squeeze=squeeze, gate=gate, use_bias=use_bias), x.shape)
    output = keras.ops.convert_to_numpy(layer(x))
    np.testing.assert_allclose(output, by_hand(layer, x), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("channels", "reduction", "divisor", "hidden"),
    [
        (2048, 16, None, 128),  # paper, table 1
        (8, 16, None, 1),  # at least one
        (40, 16, None, 2),  # rounded down
        (64, 16, 8, 8),  # timm: 4 is below the divisor
        (320, 16, 8, 24),  # timm: 20 is nearest to 24 (ties go up)
        (256, 4, 8, 64),
    ],
)
def test_hidden_width(channels, reduction, divisor, hidden):
    layer = SqueezeExcitation(reduction, divisor)
    assert layer.hidden_width(channels) == hidden
    layer.build((None, None, None, channels))
    # 2 C h weights and C + h biases, networks of the paper's section 4.
    assert layer.count_params() == 2 * channels * hidden + channels + hidden


@pytest.mark.parametrize(
    ("gate", "start"),
    [
        ("sigmoid", 0.9),
        ("tanh", 0.5),
        ("relu", 1.0),
        ("hard_sigmoid", 0.75),
        ("doubled_sigmoid", 1.0),
        ("doubled_sigmoid", 1.9),
    ],
)
def test_gates_start_where_they_are_told(gate, start):
    """The bias of a layer whose kernels are zero, through the gate's formula, is the value."""
    layer = SqueezeExcitation(4, gate=gate, start=start, kernel_initializer="zeros")
    layer.build((None, 5, 3, 32))
    gates = keras.ops.convert_to_numpy(layer.gates(image()))
    np.testing.assert_allclose(gates, start, rtol=1e-6)
    bias = keras.ops.convert_to_numpy(layer.expand.bias)
    np.testing.assert_allclose(GATES[gate](bias), start, rtol=1e-6)
    assert SqueezeExcitation.from_config(layer.get_config()).start == start


def test_hidden_width_is_rounded_up_below_the_limit():
    # 18 is nearest to 16, which is less than 0.9 of it: 24, as in MobileNetV3 (`make_divisible`).
    assert SqueezeExcitation(4, divisor=8).hidden_width(72) == 16
    layer = SqueezeExcitation(4, divisor=8, round_limit=0.9)
    assert (layer.hidden_width(72), layer.hidden_width(96)) == (24, 24)
    copy = SqueezeExcitation.from_config(layer.get_config())
    assert copy.hidden_width(72) == 24


def test_hidden_width_of_other_channels():
    # EfficientNet-B0's first expanded unit: 16 channels enter, 96 are rescaled, 16 / 4 are hidden.
    layer = SqueezeExcitation(4, base_channels=16)
    assert layer.hidden_width(96) == 4
    layer.build((None, None, None, 96))
    assert layer.count_params() == 2 * 96 * 4 + 96 + 4
    assert SqueezeExcitation.from_config(layer.get_config()).hidden_width(96) == 4


def test_conv_squeeze_starts_as_the_average():
    x = image()
    average, conv = SqueezeExcitation(8), SqueezeExcitation(8, squeeze="conv")
    average.build(x.shape)
    conv.build(x.shape)
    for name in ("reduce", "expand"):
        getattr(conv, name).set_weights(getattr(average, name).get_weights())
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(conv(x)), keras.ops.convert_to_numpy(average(x)), rtol=1e-5
    )


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_squeeze_mean_and_gate_are_float32_under_mixed_precision(policy):
    # 65504 is float16's largest number: a half-precision sum over the image overflows.
    x = np.full((1, 16, 16, 16), 1000.0, "float32")
    layer = SqueezeExcitation(4, dtype=policy)
    layer.build(x.shape)
    layer.reduce.set_weights([np.full((1, 1, 16, 4), 1 / 1600, "float32"), np.zeros(4, "float32")])
    layer.expand.set_weights([np.full((1, 1, 4, 16), 0.01, "float32"), np.zeros(16, "float32")])
    output = layer(x)
    assert keras.backend.standardize_dtype(output.dtype) == policy.removeprefix("mixed_")
    gate = 1 / (1 + np.exp(-0.4))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(keras.ops.cast(output, "float32")), 1000 * gate, rtol=8e-3
    )


def test_any_image_size_and_batch():
    model = keras.Sequential([keras.Input((None, None, 16)), SqueezeExcitation()])
    for shape in [(1, 1, 1, 16), (3, 7, 5, 16)]:
        assert model(image(shape)).shape == shape


def test_saved_model_needs_no_custom_objects(tmp_path):
    layer = SqueezeExcitation(4, 2, gate="hard_sigmoid", use_bias=False, activation="silu")
    model = keras.Sequential([keras.Input((4, 4, 16)), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = image((2, 4, 4, 16))
    assert loaded.layers[0].get_config() == layer.get_config()
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(model(x)), keras.ops.convert_to_numpy(loaded(x))
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reduction": 0}, "`reduction` must be a number greater than 0. Received: 0"),
        ({"reduction": "16"}, "`reduction` must be"),
        ({"reduction": True}, "`reduction` must be"),
        ({"divisor": 0}, "`divisor` must be None or an integer"),
        ({"round_limit": 2}, "`round_limit` must be in 0..1"),
        ({"base_channels": 0}, "`base_channels` must be None or an integer"),
        ({"base_channels": 2.5}, "`base_channels` must be None or an integer"),
        ({"squeeze": "mean"}, "`squeeze` must be one of .*Received: 'mean'"),
        ({"gate": "softmax"}, "`gate` must be one of .*Received: 'softmax'"),
        ({"use_bias": None}, "`use_bias` must be a boolean"),
        ({"start": 1}, "`start` must be None or a number between 0 and 1.*'sigmoid'.*Received: 1"),
        ({"start": 2.0, "gate": "doubled_sigmoid"}, "between 0 and 2"),
        ({"start": -1, "gate": "tanh"}, "between -1 and 1"),
        ({"start": 0, "gate": "relu"}, "between 0 and inf"),
        ({"start": "open"}, "`start` must be None or a number"),
        ({"start": float("nan")}, "`start` must be None or a number"),
        ({"start": 0.9, "use_bias": False}, "work of a bias. Expected use_bias=True"),
        ({"activation": "nonsense"}, "nonsense"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        SqueezeExcitation(**arguments)


def test_conv_squeeze_refuses_open_sizes():
    with pytest.raises(ValueError, match="needs a fixed image size"):
        SqueezeExcitation(squeeze="conv").build((None, None, None, 16))


def test_refuses_vectors():
    with pytest.raises(ValueError, match="expected ndim=4"):
        SqueezeExcitation()(image((2, 16)))
