"""ECA, eSE and scSE against their formulas by hand, and against PyTorch modules."""

import gzip
import json
import pathlib

import keras
import numpy as np
import pytest
from golden.random_tensors import tensor

from keras_senet.layers import (
    EffectiveSE,
    EfficientChannelAttention,
    SpatialChannelSE,
    SqueezeExcitation,
)

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
GATES = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "doubled_sigmoid": lambda x: 2 / (1 + np.exp(-x)),
}
SHAPE = (2, 5, 3, 16)
LAYERS = {
    "eca": EfficientChannelAttention,
    "eca5": lambda **options: EfficientChannelAttention(5, **options),
    "ese": EffectiveSE,
    "scse": lambda **options: SpatialChannelSE(4, **options),
    "scse_max": lambda **options: SpatialChannelSE(4, "max", **options),
}


def image(shape=SHAPE, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def array(tensor):
    return np.float64(keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32")))


def randomized(layer, shape=SHAPE):
    layer.build((None, *shape[1:]))
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape, scale=0.5) for w in layer.get_weights()])
    return layer


def by_hand(layer, x):
    """The formulas with the layer's weights, in float64."""
    w = {weight.path.split(f"{layer.name}/")[-1]: array(weight) for weight in layer.weights}
    x = np.float64(x)
    z = x.mean((1, 2))
    if isinstance(layer, EfficientChannelAttention):
        kernel = w["conv/kernel"][:, 0, 0]
        padded = np.pad(z, ((0, 0), (len(kernel) // 2,) * 2))
        logits = sum(k * padded[:, i : i + z.shape[1]] for i, k in enumerate(kernel))
        return x * GATES[layer.gate](logits)[:, None, None]
    if isinstance(layer, EffectiveSE):
        return x * GATES[layer.gate](z @ w["fc/kernel"][0, 0] + w["fc/bias"])[:, None, None]
    hidden = np.maximum(z @ w["reduce/kernel"][0, 0] + w["reduce/bias"], 0)
    sigmoid = GATES["sigmoid"]
    channels = sigmoid(hidden @ w["expand/kernel"][0, 0] + w["expand/bias"])[:, None, None]
    pixels = sigmoid(x @ w["spatial/kernel"][0, 0] + w["spatial/bias"])
    if layer.combination == "max":
        return x * np.maximum(channels, pixels)
    return x * channels + x * pixels


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_equals_the_formula(name, training):
    x, layer = image(), randomized(LAYERS[name]())
    output = array(layer(x, training=training))
    np.testing.assert_allclose(output, by_hand(layer, x), rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(output, x * array(layer.gates(x)), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("kind", [EfficientChannelAttention, EffectiveSE])
def test_gates(kind, gate):
    x, layer = image(), randomized(kind(gate=gate))
    np.testing.assert_allclose(array(layer(x)), by_hand(layer, x), rtol=2e-5, atol=1e-6)
    assert layer.gates(x).shape == (2, 1, 1, 16)


@pytest.mark.parametrize("name", ["eca16", "eca96", "eca512", "ese64", "scse64"])
def test_equals_the_module_on_pytorch(name):
    """timm's ECA and eSE, and scSE as segmentation_models_pytorch has it: `make_attention.py`."""
    shapes = json.loads(gzip.decompress((GOLDEN / "attention_tensors.json.gz").read_bytes()))[name]
    expected = np.load(GOLDEN / "attention.npz")[name]
    layer = {"eca": EfficientChannelAttention, "ese": EffectiveSE, "scs": SpatialChannelSE}[
        name[:3]
    ]()
    layer.build(expected.shape)
    values = [tensor(key, shape) for key, shape in shapes.items()]
    turned = [value.transpose(*range(2, value.ndim), 1, 0) if value.ndim > 2 else value
              for value in values]  # fmt: skip
    layer.set_weights(turned)
    x = tensor("x", (2, expected.shape[-1], 3, 4)).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(array(layer(x)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("channels", "width"),
    # t = int((log2(C) + 1) / 2), made odd, at least 3: timm's EcaModule.
    [(4, 3), (16, 3), (64, 3), (96, 3), (128, 5), (256, 5), (1024, 5), (2048, 7), (2047, 5)],
)
def test_kernel_of_eca(channels, width):
    layer = EfficientChannelAttention()
    assert layer.kernel_width(channels) == width
    layer.build((None, None, None, channels))
    assert layer.count_params() == width


def test_parameters():
    """C^2 + C of eSE; 2 C h + C + h of the channels and C + 1 of the pixels in scSE."""
    for layer, expected in ((EffectiveSE(), 64 * 65), (SpatialChannelSE(2), 2 * 64 * 32 + 96 + 65)):
        layer.build((None, None, None, 64))
        assert layer.count_params() == expected
    assert SpatialChannelSE(16).hidden_width(8) == 1


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_means_and_gates_are_float32_under_mixed_precision(name, training, policy):
    # 65504 is float16's largest number: a half-precision sum over the image overflows.
    x = np.full((1, 16, 16, 16), 1000.0, "float32")
    layer = LAYERS[name](dtype=policy)
    layer.build(x.shape)
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    layer.set_weights([np.full(w.shape, 1e-4, "float32") for w in layer.get_weights()])
    assert keras.backend.standardize_dtype(layer.gates(x).dtype) == "float32"
    output = layer(x, training=training)
    assert keras.backend.standardize_dtype(output.dtype) == policy.removeprefix("mixed_")
    np.testing.assert_allclose(array(output), by_hand(layer, x), rtol=1e-2)


@pytest.mark.parametrize("name", LAYERS)
def test_training_in_few_passes_has_the_same_gradients(name, monkeypatch):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("The kernels of our own are TensorFlow's.")
    import tensorflow as tf

    x, layer = tf.constant(image()), randomized(LAYERS[name]())

    def gradients():
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.sin(layer(x, training=True)))
        return tape.gradient(loss, [x, *(weight.value for weight in layer.weights)])

    ours = gradients()
    monkeypatch.setattr(type(layer), "_is_lean", lambda self, inputs: False)
    for actual, expected in zip(ours, gradients(), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        EfficientChannelAttention(gate="doubled_sigmoid"),
        EffectiveSE("doubled_sigmoid"),
        SpatialChannelSE(2),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_starts_as_identity(layer):
    x = image()
    layer.build(x.shape)
    layer.start_as_identity()
    np.testing.assert_array_equal(array(layer(x)), x)


@pytest.mark.parametrize("name", LAYERS)
def test_saved_model_needs_no_custom_objects(name, tmp_path):
    layer = randomized(LAYERS[name]())
    model = keras.Sequential([keras.Input((None, None, 16)), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[0].get_config() == layer.get_config()
    np.testing.assert_array_equal(array(model(image())), array(loaded(image())))


def test_weights_of_another_design_are_refused(tmp_path):
    def model(layer):
        return keras.Sequential([keras.Input((4, 4, 16)), layer])

    pairs = (
        (EfficientChannelAttention(gate="tanh"), EfficientChannelAttention(), "an ECA block"),
        (EffectiveSE("sigmoid"), EffectiveSE(), "an eSE block"),
        (SpatialChannelSE(combination="max"), SpatialChannelSE(), "an scSE block"),
        (EfficientChannelAttention(), SqueezeExcitation(), "reduce"),
    )
    for index, (written, read, message) in enumerate(pairs):
        model(written).save_weights(tmp_path / f"{index}.weights.h5")
        with pytest.raises(ValueError, match=message):
            model(read).load_weights(tmp_path / f"{index}.weights.h5")


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (EfficientChannelAttention, {"kernel_size": 4}, "`kernel_size` must be None or an odd"),
        (EfficientChannelAttention, {"kernel_size": True}, "`kernel_size` must be None or an odd"),
        (EfficientChannelAttention, {"kernel_size": -1}, "`kernel_size` must be None or an odd"),
        (EfficientChannelAttention, {"gate": "softmax"}, "`gate` must be one of"),
        (EffectiveSE, {"gate": "softmax"}, "`gate` must be one of"),
        (SpatialChannelSE, {"reduction": 0}, "`reduction` must be a number greater than 0"),
        (SpatialChannelSE, {"combination": "mean"}, "`combination` must be one of"),
    ],
)
def test_bad_arguments(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(**arguments)


@pytest.mark.parametrize("name", LAYERS)
def test_refuses_vectors_and_open_channels(name):
    with pytest.raises(ValueError, match="expected ndim=4"):
        LAYERS[name]()(image((2, 16)))
    with pytest.raises(ValueError, match="must be known"):
        LAYERS[name]().build((None, 4, 4, None))
