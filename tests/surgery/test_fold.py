"""Folded networks compute the same, with fewer operations and bytes read."""

import keras
import numpy as np
import pytest
from small import distinct, shallow, size, variants

import keras_senet
from keras_senet.export import fold
from keras_senet.surgery.linear import merged_groups, wide_groups

# Groups are merged up to a width of channels, where there are groups.
WIDTHS = [(name, 1) for name in distinct()]
WIDTHS += [(name, 64) for name in distinct() if getattr(variants()[name], "groups", 1) > 1]


def lively(model, seed=0):
    """The model with normalizations that are not the identity."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            for weight in layer.weights:
                positive = weight.name in ("gamma", "moving_variance")
                values = rng.uniform(0.5, 1.5, weight.shape) - (0 if positive else 1)
                weight.assign(values)
    return model


def images(model, count=2):
    shape = (count, *model.input_shape[1:])
    return np.random.default_rng(1).uniform(0, 255, shape).astype("float32")


def in_float64(model):
    """The model with its weights, computed in float64."""

    def wide(layer):  # or an operation, which has no type of its own
        config = layer.get_config()
        return type(layer).from_config(config | ({"dtype": "float64"} if "dtype" in config else {}))

    copy = keras.models.clone_model(model, clone_function=wide)
    copy.set_weights(model.get_weights())
    return copy


def assert_equal(model, folded):
    """Random networks of many layers round by nearly the bound in float32, so both are widened.

    What is left is the rounding of the folded weights, which are float32: 1.1e-6 in the deepest.
    """
    x = images(model)
    expected, found = (in_float64(each)(x, training=False).numpy() for each in (model, folded))
    assert expected.dtype == found.dtype == "float64"
    assert np.abs(found - expected).max() <= 2e-6 * np.abs(expected).max()


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


@pytest.mark.at_first("SEResNet50-1", "SEResNeXt26-64")
@pytest.mark.parametrize(("name", "group_width"), WIDTHS)
def test_every_network_computes_the_same(name, group_width):
    keras.utils.set_random_seed(0)
    network = shallow(variants()[name])
    pixels = size(network)
    # Logits: a softmax of random weights is 0 or 1, whatever went in.
    model = network(input_shape=(pixels, pixels, 3), classes=5, classifier_activation=None)
    assert_equal(lively(model), fold(model, group_width))


def test_the_squeeze_reads_the_narrow_tensor():
    model = lively(keras_senet.SEResNet50.replace(depths=(1, 1, 1, 1))(input_shape=(64, 64, 3)))
    folded = fold(model)
    assert not {"BatchNormalization", "SqueezeExcitation", "Dropout"} & set(kinds(folded))
    for stage, filters in enumerate((64, 128, 256, 512), 2):
        block = f"stage{stage}_block1_se"
        assert folded.get_layer(f"{block}_squeeze").input.shape[-1] == filters
        assert folded.get_layer(f"{block}_reduce").kernel.shape == (1, 1, filters, filters // 4)


GATES = ("sigmoid", "tanh", "relu", "hard_sigmoid", "doubled_sigmoid")
DESIGNS = [("avg", gate) for gate in GATES]
DESIGNS += [(squeeze, "sigmoid") for squeeze in ("max", "none", "conv")]


@pytest.mark.parametrize(("squeeze", "gate"), DESIGNS)
def test_every_design_of_se(squeeze, gate):
    x = keras.Input((6, 6, 4))
    y = keras.layers.Conv2D(16, 1)(x)
    y = keras.layers.BatchNormalization()(y)
    block = keras_senet.layers.SqueezeExcitation(reduction=2, squeeze=squeeze, gate=gate)
    y = keras.layers.Rescaling(0.2)(block(y))
    model = lively(keras.Model(x, y))
    folded = fold(model)
    assert ("Rescaling" in kinds(folded)) == (squeeze in ("max", "conv"))
    assert ("SqueezeExcitation" in kinds(folded)) == (squeeze in ("max", "conv"))
    assert_equal(model, folded)


@pytest.mark.slow
def test_added_and_reloaded_blocks(tmp_path):
    plain = keras.applications.ResNet50(weights=None, input_shape=(32, 32, 3), classes=3)
    model = keras_senet.add_se(plain)
    model.save(tmp_path / "m.keras")
    folded = fold(keras.models.load_model(tmp_path / "m.keras"))
    assert "BatchNormalization" not in kinds(folded)
    assert "SqueezeExcitation" not in kinds(folded)
    assert_equal(model, folded)


def test_what_is_read_twice_or_called_twice_stays():
    x = keras.Input((8, 8, 4))
    layers = keras.layers
    wide = layers.Conv2D(8, 1, name="wide")(x)
    normal = layers.BatchNormalization(name="normal")(wide)
    shared = layers.Conv2D(8, 3, padding="same", name="shared")
    y = layers.Add()([shared(normal), shared(wide)])
    y = layers.Dropout(0.5)(keras_senet.layers.SqueezeExcitation(name="se")(y))
    model = lively(keras.Model(x, y))
    folded = fold(model)
    assert kinds(folded).count("BatchNormalization") == 1
    assert "Dropout" not in kinds(folded)
    assert_equal(model, folded)


def test_a_convolution_behind_which_several_layers_read():
    """What does nothing in between is left out, and the convolution is there for each of them."""
    x = keras.Input((8, 8, 4))
    layers = keras.layers
    y = layers.Dropout(0.5)(layers.Conv2D(8, 1, name="first")(x))
    y = layers.Add()([layers.BatchNormalization()(y), layers.Conv2D(8, 1)(y), layers.ReLU()(y)])
    y = layers.Conv2D(4, 1, name="unread")(layers.Dropout(0.5)(layers.Conv2D(4, 3)(y)))
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(3, 1, name="last")(y))
    model = lively(keras.Model(x, pooled))
    folded = fold(model)
    assert_equal(model, folded)
    assert kinds(folded).count("BatchNormalization") == 1
    assert sorted(layer.name for layer in folded.layers if layer.weights) == sorted(
        layer.name for layer in model.layers if layer.weights
    )
    ends = keras.Model(x, layers.Dropout(0.5)(layers.Conv2D(8, 1)(x)))
    assert_equal(lively(ends), fold(ends))


@pytest.mark.parametrize(
    "read",
    [
        keras.ops.relu,
        lambda x: x * 2.0,
        lambda x: keras.ops.concatenate([x, x]),
        lambda x: keras.ops.mean(x, (1, 2), keepdims=True),
        lambda x: keras.ops.add(x, keras.ops.flip(x, 1)),
    ],
)
def test_an_operation_behind_a_convolution(read):
    """Operations of `keras.ops` are no layers, and read what layers make."""
    x = keras.Input((8, 8, 4))
    y = read(keras.layers.Conv2D(4, 3, name="first")(x))
    model = lively(keras.Model(x, keras.layers.GlobalAveragePooling2D()(y)))
    assert_equal(model, fold(model))


def test_the_model_itself_is_left_alone():
    model = lively(keras_senet.SEResNet20.replace(depths=(1, 1, 1))())
    before = [weight.copy() for weight in model.get_weights()]
    folded = fold(model)
    for layer in folded.layers:
        layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_merged_groups_by_hand():
    kernel = np.arange(1.0, 9).reshape(1, 1, 1, 8)  # 8 groups of one channel
    merged = merged_groups(kernel, 8, 2)
    expected = np.concatenate([np.diag([1.0, 2, 3, 4]), np.diag([5.0, 6, 7, 8])], 1)
    np.testing.assert_array_equal(merged[0, 0], expected)
    assert wide_groups(32, 4, 64) == 2
    assert wide_groups(32, 4, 1) == 32
    assert wide_groups(3, 60, 1000) == 1
    assert wide_groups(64, 1, 64) == 64  # depthwise


def test_refusals():
    with pytest.raises(TypeError, match="functional"):
        fold(keras.Sequential([keras.layers.Conv2D(2, 3)]))
    for width in (0, 2.0, True):
        with pytest.raises(ValueError, match="group_width"):
            fold(keras_senet.SEResNet20(), width)


def test_factors_of_channels_become_a_convolution():
    """As of raw pixels; plain numbers stay, which every runtime multiplies quickly."""
    image = keras.Input((8, 8, 3))
    colours = keras.layers.Rescaling([0.5, 2.0, 3.0], [1.0, -7.0, 0.0], name="colours")(image)
    model = keras.Model(image, keras.layers.Rescaling(0.25, 1.0)(keras.layers.ReLU()(colours)))
    folded = fold(model)
    names = [type(layer).__name__ for layer in folded.layers]
    assert names == ["InputLayer", "Conv2D", "ReLU", "Rescaling"]
    x = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(folded(x), model(x), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("layer", [keras.layers.Dense(4), keras.layers.Conv2D(4, 1)])
def test_adapters_keep_their_strength(layer):
    """`lora_alpha` is no weight, and Keras' own copies of `Dense` lose it."""
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="first")(image)
    model = keras.Model(image, keras.layers.Add()([x, layer(x)]))
    layer.enable_lora(2, lora_alpha=7)
    layer.lora_kernel_b.assign(np.ones(layer.lora_kernel_b.shape))
    expected = model.predict(images(model), verbose=0)
    for copy in (fold(model), keras_senet.add_se(model, start="identity")):
        np.testing.assert_allclose(copy.predict(images(copy), verbose=0), expected, rtol=1e-5)
