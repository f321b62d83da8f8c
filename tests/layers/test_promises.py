"""What Keras promises of every layer: frozen stays frozen, dtypes hold, configurations are JSON."""

import json
import pickle

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet import layers

TINY = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
LAYERS = {
    "se": lambda **options: layers.SqueezeExcitation(2, **options),
    "se_conv": lambda **options: layers.SqueezeExcitation(2, squeeze="conv", **options),
    "eca": lambda **options: layers.EfficientChannelAttention(**options),
    "ese": lambda **options: layers.EffectiveSE(**options),
    "scse": lambda **options: layers.SpatialChannelSE(2, **options),
    "scse_max": lambda **options: layers.SpatialChannelSE(2, "max", **options),
    "conv": lambda **options: layers.Conv2D(8, 3, groups=2, **options),
    "norm": lambda **options: layers.BatchNormalization(**options),
    "shuffle": lambda **options: layers.ChannelShuffle(2, **options),
    "pixels": lambda **options: layers.ImageNormalization(0.5, 1.0, **options),
}
SHAPE = (2, 4, 6, 8)


def loaded(model, folder):
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras")


AGAIN = {
    "load": loaded,
    "clone": lambda model, _: keras.models.clone_model(model),
    "config": lambda model, _: type(model).from_config(model.get_config()),
    "pickle": lambda model, _: pickle.loads(pickle.dumps(model)),
}


def array(tensor):
    return np.copy(keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float64")))


def image(dtype="float32"):
    return np.random.default_rng(0).integers(0, 9, SHAPE).astype(dtype)


def residual():
    x = inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, padding="same")(x)
    y = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, padding="same")(x))
    return keras.Model(inputs, keras.layers.Add()([x, y]))


def network(frozen):
    """A classifier on a nested backbone of which all, half or the SE blocks are frozen."""
    trunk = TINY(include_top=False, pooling="avg", input_shape=(16, 16, 3))
    if frozen == "all":
        trunk.trainable = False
    for index, layer in enumerate(trunk.layers):
        is_se = isinstance(layer, layers.SqueezeExcitation)
        if (frozen == "half" and index < len(trunk.layers) // 2) or (frozen == "se" and is_se):
            layer.trainable = False
    inputs = keras.Input((16, 16, 3))
    return keras.Model(inputs, keras.layers.Dense(4)(trunk(inputs)))


def with_se(frozen):
    model = keras_senet.add_se(residual())
    model.trainable = not frozen
    return model


NETWORKS = {
    "all": lambda: network("all"),
    "half": lambda: network("half"),
    "se": lambda: network("se"),
    "add_se": lambda: with_se(True),
}


def learns(model):
    return [
        len(layer.trainable_variables)
        for layer in model._flatten_layers()
        if layer.weights and not isinstance(layer, keras.Model)
    ]


@pytest.mark.at_first(every=7)
@pytest.mark.parametrize("again", AGAIN)
@pytest.mark.parametrize("frozen", NETWORKS)
def test_what_is_frozen_stays_frozen(frozen, again, tmp_path):
    model = NETWORKS[frozen]()
    after = AGAIN[again](model, tmp_path)
    assert learns(after) == learns(model)
    assert len(after.trainable_variables) == len(model.trainable_variables)


@pytest.mark.parametrize("name", LAYERS)
def test_frozen_by_argument_before_and_after_the_build(name):
    by_argument, before, after = LAYERS[name](trainable=False), LAYERS[name](), LAYERS[name]()
    before.trainable = False
    for layer in (by_argument, before, after):
        if not layer.built:
            layer.build((None, *SHAPE[1:]))
    after.trainable = False
    for layer in (by_argument, before, after):
        assert not any(variable.trainable for variable in layer.variables)
        assert not any(learns(keras.Sequential([keras.Input(SHAPE[1:]), layer])))
    by_argument.trainable = True
    fresh = LAYERS[name]()
    fresh.build((None, *SHAPE[1:]))
    assert len(by_argument.trainable_variables) == len(fresh.trainable_variables)


@pytest.mark.slow
def test_fit_moves_only_what_may_move(tmp_path):
    model = loaded(network("half"), tmp_path)
    statistics = {
        weight.path
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
        for weight in layer.non_trainable_weights
    }
    may_move = {weight.path for weight in model.trainable_weights} | statistics
    before = [array(weight) for weight in model.weights]
    model.compile("sgd", "mse", jit_compile=False)
    x = np.random.default_rng(0).uniform(0, 255, (4, 16, 16, 3))
    model.train_on_batch(x, np.eye(4))
    moved = {
        weight.path
        for weight, values in zip(model.weights, before, strict=True)
        if not np.array_equal(array(weight), values)
    }
    assert moved == may_move


def test_se_in_a_frozen_network_learns_alone():
    plain = residual()
    plain.trainable = False
    plain.layers[1].trainable = True  # idle in a model that is frozen
    model = keras_senet.add_se(plain)
    assert {weight.path.split("/")[0] for weight in model.trainable_weights} == {
        f"{plain.layers[-1].name}_se"
    }


@pytest.mark.parametrize("policy", ["float64", "mixed_bfloat16"])
def test_se_has_the_policy_of_the_network(policy):
    keras.config.set_dtype_policy(policy)
    try:
        plain = residual()
    finally:
        keras.config.set_dtype_policy("float32")
    model = keras_senet.add_se(plain, start="identity")
    assert model.get_layer(f"{plain.layers[-1].name}_se").dtype_policy.name == policy
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3))
    np.testing.assert_array_equal(array(model(x)), array(plain(x)))


def squeezed(x, layer):
    if layer.squeeze == "none":
        return x
    if layer.squeeze == "conv":
        return (x * array(layer.pool)).sum((1, 2), keepdims=True)
    return {"avg": np.mean, "max": np.max}[layer.squeeze](x, (1, 2), keepdims=True)


def test_se_of_a_float64_policy_is_float64():
    if keras.backend.backend() == "jax":
        pytest.skip("JAX has no float64 unless it is asked to.")
    if keras.backend.backend() == "torch":
        pytest.skip("Keras' own reductions of float64 are rounded to float32 on PyTorch.")
    x = np.random.default_rng(0).normal(size=SHAPE)
    for squeeze in ("avg", "max", "none", "conv"):
        layer = layers.SqueezeExcitation(2, squeeze=squeeze, dtype="float64")
        for training in (True, False):
            output = array(layer(x, training=training))
            weights = [array(weight) for weight in layer.weights]
            z = squeezed(x, layer)
            w1, b1, w2, b2 = weights[-4:]
            hidden = np.maximum(z @ w1[0, 0] + b1, 0)
            expected = x / (1 + np.exp(-(hidden @ w2[0, 0] + b2)))
            np.testing.assert_allclose(output, expected, rtol=1e-12, atol=1e-13)


def test_the_kernel_of_the_squeeze_is_float32_in_mixed_precision():
    x = keras.ops.ones((1, 3, 3, 4), "bfloat16")
    layer = layers.SqueezeExcitation(1, squeeze="conv", gate="relu", dtype="mixed_bfloat16")
    layer.build(x.shape)
    eye = np.eye(4, dtype="float32")[None, None]
    kernel = np.full((3, 3, 4), 1 + 2.0**-12, "float32")  # which bfloat16 rounds to 1
    layer.set_weights([kernel, eye, np.zeros(4), eye, np.zeros(4)])
    gates = []
    layer.expand.activation = lambda values: gates.append(array(values)) or values
    layer(x)
    np.testing.assert_allclose(gates[0], 9 * (1 + 2.0**-12), rtol=1e-6)


@pytest.mark.at_first(every=3)
@pytest.mark.parametrize("policy", ["float64", "float32", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", LAYERS)
def test_policies_go_round(name, policy, tmp_path):
    if policy == "float64" and keras.backend.backend() == "jax":
        pytest.skip("JAX has no float64 unless it is asked to.")
    model = keras.Sequential([keras.Input(SHAPE[1:]), LAYERS[name](dtype=policy)])
    after = loaded(model, tmp_path)
    assert after.layers[0].dtype_policy.name == policy
    outputs = model(image()), after(image())
    assert keras.backend.standardize_dtype(outputs[1].dtype) == policy.removeprefix("mixed_")
    np.testing.assert_array_equal(array(outputs[0]), array(outputs[1]))


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
@pytest.mark.parametrize("name", [name for name in LAYERS if name != "pixels"])
def test_integers_give_what_floats_give(name, dtype):
    layer = LAYERS[name]()
    expected = array(layer(image()))
    output = layer(keras.ops.convert_to_tensor(image(dtype)))
    np.testing.assert_allclose(array(output), expected, rtol=1e-6)
    symbolic = layer(keras.Input(SHAPE[1:], dtype=dtype))
    assert symbolic.dtype == keras.backend.standardize_dtype(output.dtype)


def test_numbers_of_numpy_are_numbers():
    for layer in (
        layers.SqueezeExcitation(np.int64(16), divisor=np.int32(8)),
        layers.SqueezeExcitation(np.float32(2)),
        layers.ChannelShuffle(np.int64(2)),
    ):
        config = json.loads(json.dumps(layer.get_config()))
        assert type(layer).from_config(config).get_config() == layer.get_config()
    for bad in (np.int64(0), np.float32("nan"), float("inf"), np.bool_(True)):
        with pytest.raises(ValueError, match="`reduction` must be"):
            layers.SqueezeExcitation(bad)
