"""SE blocks in networks of keras.applications."""

import keras
import numpy as np
import pytest
from backends import on_tensorflow
from gradients import gradients

import keras_senet
from keras_senet import SEConfig, add_se
from keras_senet.layers import SqueezeExcitation

# Blocks of each network: residual sums, modules, separable units, dense layers, convolutions.
BLOCKS = {
    "ResNet50": 16,
    "ResNet50V2": 16,
    "MobileNet": 13,
    "MobileNetV2": 10,
    "InceptionV3": 11,
    "InceptionResNetV2": 40,
    "VGG16": 13,
    "DenseNet121": 58,
    "Xception": 12,
}
EXPORTED = ("MobileNetV2", "MobileNet", "ResNet50V2")  # converting the deep ones takes minutes
SIZE = 75


def excitations(model):
    return [layer for layer in model.layers if isinstance(layer, SqueezeExcitation)]


def images(count=2):
    return np.random.default_rng(0).uniform(-1, 1, (count, SIZE, SIZE, 3)).astype("float32")


def outputs(model):
    """Of an inference, layer by layer: tracing these networks takes longer than computing them."""
    return keras.ops.convert_to_numpy(model(images(), training=False))


@pytest.mark.slow
@on_tensorflow
@pytest.mark.parametrize("name", BLOCKS)
def test_identity_start_changes_no_bit_and_learns(name, tmp_path):
    plain = getattr(keras.applications, name)(weights=None, input_shape=(SIZE, SIZE, 3), classes=5)
    model = add_se(plain, start="identity")
    blocks = excitations(model)
    assert len(blocks) == BLOCKS[name]
    expected = outputs(plain)
    np.testing.assert_array_equal(outputs(model), expected)

    before = [layer.get_weights() for layer in blocks]
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    model.train_on_batch(images(), np.array([0, 1]))
    for layer, weights in zip(blocks, before, strict=True):
        pairs = zip(layer.get_weights(), weights, strict=True)
        assert any(np.any(a != b) for a, b in pairs), layer.name
    np.testing.assert_array_equal(outputs(plain), expected)

    model.save(tmp_path / "model.keras")
    reloaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(outputs(reloaded), outputs(model))
    if name in EXPORTED:
        keras_senet.export.to_tflite(model, tmp_path / "model.tflite")


def test_identity_start_of_a_small_network_changes_no_bit_and_learns():
    plain = residual()
    model = add_se(plain, SEConfig(reduction=2), start="identity")
    x = np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 3)).astype("float32")
    expected, found = (keras.ops.convert_to_numpy(one(x)) for one in (plain, model))
    np.testing.assert_array_equal(found, expected)
    for path, gradient in gradients(model, x, np.arange(4)):
        if path.startswith("sum_se/") and "expand" in path:
            assert np.abs(gradient).max() > 0, path


def residual(shape=(16, 16, 3)):
    x = image = keras.Input(shape)
    x = keras.layers.Conv2D(8, 3, padding="same", name="stem")(x)
    y = keras.layers.Conv2D(8, 3, padding="same", name="first")(x)
    y = keras.layers.Conv2D(8, 3, padding="same", name="second")(y)
    x = keras.layers.Add(name="sum")([y, x])
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", name="down")(x)
    return keras.Model(image, keras.layers.GlobalAveragePooling2D(name="pool")(x), name="tiny")


def test_se_is_on_the_branch_before_the_sum():
    model = add_se(residual(), SEConfig(reduction=4))
    (block,) = excitations(model)
    assert (block.name, model.name) == ("sum_se", "se_tiny")
    assert [x.path.split("/")[0] for x in block.trainable_variables] == ["sum_se"] * 4
    inputs = model.get_layer("sum")._inbound_nodes[0].input_tensors
    assert inputs[0] is block.output and inputs[1] is model.get_layer("stem").output
    assert block.input is model.get_layer("second").output


def test_where_decides_and_stages_are_resolutions():
    model = add_se(residual(), where=lambda layer: layer.name in ("stem", "down"))
    assert [block.name for block in excitations(model)] == ["stem_se", "down_se"]
    below = add_se(
        residual(), SEConfig(stages=(1,)), where=lambda layer: layer.name in ("stem", "down")
    )
    assert [block.name for block in excitations(below)] == ["down_se"]


def test_sequential_models_become_functional():
    plain = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(8, 3, name="only")])
    assert [block.name for block in excitations(add_se(plain))] == ["only_se"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"se": SEConfig(placement="pre")}, "placement 'standard' only"),
        ({"se": SEConfig(ratio_of="input")}, "ratio_of='gated'"),
        ({"se": SEConfig(gate="tanh"), "start": "identity"}, "needs a sigmoid"),
        ({"se": SEConfig(start=0.9), "start": "identity"}, "Expected SEConfig.start=None"),
        ({"start": "zero"}, "None or 'identity'"),
        ({"se": 16}, "must be a SEConfig"),
        ({"where": lambda layer: False}, "true of no layer"),
        ({"where": lambda layer: layer.name == "pool"}, "'pool' has"),
        ({"se": SEConfig(stages=(5,))}, r"none in `se\.stages`"),
    ],
)
def test_refusals_say_what_to_do(arguments, message):
    with pytest.raises(ValueError, match=message):
        add_se(residual(), **arguments)


def test_models_that_cannot_have_se():
    with pytest.raises(TypeError, match="functional"):
        add_se(keras.Sequential([keras.layers.Dense(1)]))
    with pytest.raises(ValueError, match="has SE blocks already"):
        add_se(add_se(residual()))
    x = keras.Input((4,))
    with pytest.raises(ValueError, match="No place for SE"):
        add_se(keras.Model(x, keras.layers.Dense(1)(x)))
    with pytest.raises(ValueError, match="image size open"):
        add_se(residual((None, None, 3)), SEConfig(stages=(1,)))


def test_a_layer_called_twice_has_no_place():
    image = keras.Input((8, 8, 4))
    twice = keras.layers.Conv2D(4, 3, padding="same", name="twice")
    model = keras.Model(image, twice(twice(image)))
    with pytest.raises(ValueError, match="'twice' is called 2 times"):
        add_se(model)
