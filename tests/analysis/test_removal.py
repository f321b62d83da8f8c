"""Removed SE blocks: outputs of the network with constant gates, cost by the formula."""

import keras
import numpy as np
import pytest
from small import shallow, size, variants

import keras_senet
from keras_senet import SEConfig
from keras_senet.analysis import cost, excitations, remove_se
from keras_senet.analysis.removal.frozen_gates import calls_without
from keras_senet.layers import SqueezeExcitation
from keras_senet.surgery.fold import fold

# One of each kind of backbone; the others differ in numbers only.
NETWORKS = (
    "SEBNInception",
    "SEInceptionResNetV2",
    "SEMobileNet",
    "SENet154",
    "SEPreResNet20",
    "SEResNet20",
    "SEShuffleNet",
    "SEShuffleNetV2x10",
    "SEVGG16",
    "MobileNetV3Small",
    "RegNetY002",
    "ResNetRS50",
    "EfficientNetB0",
    "EfficientNetV2S",
)
ON_TENSORFLOW = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow")
BOTTLENECKS = keras_senet.SEResNet164.replace(depths=(1, 2, 1))


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def shaken(model, seed=0):
    """The model with weights that make every factor matter: gammas, biases, statistics."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if "variance" in weight.name or weight.name == "gamma":
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif len(weight.shape) == 1:
            weight.assign(rng.normal(0, 0.3, weight.shape))
    return model


def images(pixels, count=6):
    return np.random.default_rng(1).uniform(0, 255, (count, pixels, pixels, 3)).astype("float32")


def rescalings(model):
    """Layers that only multiply by numbers, that of the preprocessing among them."""
    return sum(isinstance(layer, keras.layers.Rescaling) for layer in model.layers)


def with_constant_gates(model, names, found):
    """The model whose SE blocks of these names have zero kernels, so that their gate is constant.

    The bias is the inverse of the sigmoid of the mean gate: nothing of ours is used.
    """
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for name in names:
        expand = copy.get_layer(name).expand
        mean = found[name].mean
        expand.kernel.assign(np.zeros(expand.kernel.shape))
        expand.bias.assign(np.log(mean / (1 - mean)))
    return copy


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_all_blocks_of_every_family(name):
    value = variants()[name]
    if name == "MobileNetV3Small":
        value = value.replace(se=SEConfig(reduction=4, stages=value.se.stages))
    pixels = size(value)
    model = shaken(shallow(value)(input_shape=(pixels, pixels, 3), classes=10))
    x = images(pixels)
    found = excitations(model, x)
    names = [block.name for block in found.blocks]
    removed = remove_se(model, names, found)
    expected = with_constant_gates(model, names, found).predict_on_batch(x)
    np.testing.assert_allclose(removed.predict_on_batch(x), expected, atol=1e-5)
    assert np.abs(model.predict_on_batch(x) - expected).max() > 1e-6  # SE did something
    assert not any(isinstance(layer, SqueezeExcitation) for layer in removed.layers)
    before, after = cost(model), cost(removed)
    # Nothing was left behind: all factors went into weights.
    assert rescalings(removed) == rescalings(model)
    channels = [block.channels for block in found.blocks]
    widths = [model.get_layer(n).hidden_width(c) for n, c in zip(names, channels, strict=True)]
    formula = sum(2 * c * h + c + h for c, h in zip(channels, widths, strict=True))
    assert before.parameters - after.parameters == formula
    assert before.macs - after.macs == sum(2 * c * h for c, h in zip(channels, widths, strict=True))


@pytest.mark.at_first(every=8)
@pytest.mark.parametrize(
    ("placement", "kept"),
    # After a sum whose parts have other readers, and on a shortcut that is the unit's input, no
    # weights are nearby.
    [("pre", 0), ("post", 1), ("identity", 1), ("3x3", 0)],
)
@pytest.mark.parametrize("gate", ["sigmoid", "tanh"])
def test_every_placement(placement, kept, gate):
    value = BOTTLENECKS.replace(se=SEConfig(placement=placement, gate=gate, squeeze="max"))
    model = shaken(value())
    x = images(32)
    found = excitations(model, x)
    names = [block.name for block in found.blocks]
    removed = remove_se(model, names, found)
    constant = keras.models.clone_model(model)
    constant.set_weights(model.get_weights())
    inverse = {"sigmoid": lambda s: np.log(s / (1 - s)), "tanh": np.arctanh}[gate]
    for name in names:
        expand = constant.get_layer(name).expand
        expand.kernel.assign(np.zeros(expand.kernel.shape))
        expand.bias.assign(inverse(found[name].mean))
    np.testing.assert_allclose(removed.predict_on_batch(x), constant.predict_on_batch(x), atol=1e-5)
    assert rescalings(removed) == rescalings(model) + kept


@pytest.mark.slow
@ON_TENSORFLOW
@pytest.mark.parametrize("placement", ["standard", "pre", "post", "identity"])
def test_the_network_that_is_timed_has_the_operators_of_the_one_removed(placement):
    pytest.importorskip("ai_edge_litert")
    from keras_senet.export.tflite.conversion import convert
    from keras_senet.export.tflite.flatbuffer import kind_of, parsed

    def operators(network):
        file = parsed(convert(fold(network), (32, 32, 3)))
        (graph,) = file.subgraphs
        shapes = [tuple(tensor.shape) for tensor in graph.tensors]
        return [
            (kind_of(file, one), *(shapes[index] for index in (*one.inputs, *one.outputs)))
            for one in graph.operators
        ]

    model = shaken(BOTTLENECKS.replace(se=SEConfig(placement=placement))())
    found = excitations(model, images(32))
    names = [found.blocks[index].name for index in (0, 2)]
    expected = operators(remove_se(model, names, found))
    assert operators(calls_without(model, names, found)) == expected
    assert operators(model) != expected


@pytest.mark.slow
@ON_TENSORFLOW
def test_one_block_at_a_time_in_file_and_tflite(tmp_path):
    model = shaken(shallow(keras_senet.SEResNet20)())
    x = images(32)
    found = excitations(model, x)
    for block in found.blocks:
        removed = remove_se(model, [block.name], found)
        expected = with_constant_gates(model, [block.name], found).predict_on_batch(x)
        np.testing.assert_allclose(removed.predict_on_batch(x), expected, atol=1e-5)
        assert cost(model).parameters - cost(removed).parameters == block.channels * 2 * (
            h := model.get_layer(block.name).hidden_width(block.channels)
        ) + (block.channels + h)
    removed.save(tmp_path / "removed.keras")
    loaded = keras.models.load_model(tmp_path / "removed.keras")
    np.testing.assert_array_equal(loaded.predict_on_batch(x), removed.predict_on_batch(x))
    keras_senet.export.to_tflite(loaded, tmp_path / "removed.tflite")
    report = keras_senet.export.verify(loaded, tmp_path / "removed.tflite", x)
    assert report.largest_difference < 1e-5


def test_constant_stage_is_found_and_removed():
    model = shaken(BOTTLENECKS())
    layer = model.get_layer("stage4_block1_se")
    layer.expand.kernel.assign(np.zeros(layer.expand.kernel.shape))
    x = images(32, 12)
    found = excitations(model, x)
    removed = remove_se(model, "constant", found)
    left = {layer.name for layer in removed.layers if isinstance(layer, SqueezeExcitation)}
    assert left == {"stage2_block1_se", "stage3_block1_se", "stage3_block2_se"}
    with pytest.raises(ValueError, match="that do not differ between images"):
        remove_se(model, "constant", excitations(model, x[:1]))  # all gates of one are constant
    before, after = model.predict_on_batch(x), removed.predict_on_batch(x)
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_convolutions_with_activations_groups_and_separable_ones():
    layers = keras.layers
    excite = keras_senet.layers.SqueezeExcitation
    image = keras.Input((12, 12, 4))
    x = layers.Conv2D(8, 3, activation="relu")(image)  # backward, through its own ReLU
    x = excite(2, name="a")(x)
    x = layers.Conv2D(8, 1, activation="relu6")(x)
    x = excite(2, name="b")(x)  # forward: ReLU6 is not homogeneous
    x = layers.Conv2D(12, 3, groups=4)(layers.ZeroPadding2D(1)(x))
    x = layers.Activation("relu6")(x)
    x = excite(2, name="c")(x)
    x = layers.SeparableConv2D(8, 3, depth_multiplier=2)(layers.AveragePooling2D(1)(x))
    x = excite(2, name="d")(x)  # backward
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu6")(x)
    x = excite(2, name="e")(x)
    model = shaken(keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(x))))
    x = np.random.default_rng(2).normal(0, 1, (5, 12, 12, 4)).astype("float32")
    found = excitations(model, x)
    removed = remove_se(model, list("abcde"), found)
    expected = with_constant_gates(model, "abcde", found).predict_on_batch(x)
    np.testing.assert_allclose(removed.predict_on_batch(x), expected, atol=1e-5)
    assert not {layer.name for layer in removed.layers} & set("abcde")


class Standardized(keras.layers.Conv2D):
    """Weight standardization: factors on the kernel have no effect."""

    def convolution_op(self, inputs, kernel):
        kernel = kernel - keras.ops.mean(kernel, (0, 1, 2))
        return super().convolution_op(inputs, kernel / keras.ops.std(kernel, (0, 1, 2)))


class Capped(keras.layers.ReLU):
    def call(self, inputs):
        return keras.ops.minimum(super().call(inputs), 0.3)


class Squared(keras.layers.Dropout):
    def call(self, inputs, training=None):
        return keras.ops.square(inputs)


class Bent(keras.layers.BatchNormalization):
    def call(self, inputs, training=None, mask=None):
        return keras.ops.tanh(super().call(inputs, training=training))


def changed(change):
    """A function of a layer to it, after a change to it once it is built."""

    def make(layer):
        layer.build((None, 8, 8, 8))
        change(layer)
        return layer

    return make


@pytest.mark.parametrize("side", ["before", "behind"])
@pytest.mark.parametrize(
    "layer",
    [
        lambda: Standardized(8, 3),
        lambda: Capped(),
        lambda: Squared(0.1),
        lambda: Bent(),
        lambda: changed(lambda dense: dense.enable_lora(2))(keras.layers.Dense(8)),
        pytest.param(
            lambda: changed(lambda dense: dense.quantize("int8"))(keras.layers.Dense(8)),
            marks=ON_TENSORFLOW,
        ),
    ],
    ids=["Standardized", "Capped", "Squared", "Bent", "adapters", "int8"],
)
def test_layers_that_compute_something_else_take_no_factors(layer, side):
    """Subclasses of linear layers, and kernels that are not what is multiplied by."""
    image = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(8, 5, activation="tanh")(image)
    x = layer()(x) if side == "before" else x
    x = SqueezeExcitation(2, name="mine_se")(x)
    x = layer()(x) if side == "behind" else x
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Activation("tanh")(x))
    model = keras.Model(image, keras.layers.Dense(4)(x))
    found = excitations(model, images(12, 10))
    removed = remove_se(model, ["mine_se"], found)
    assert isinstance(removed.get_layer("mine_se"), keras.layers.Rescaling)


def test_weights_of_the_original_stay():
    model = shaken(shallow(keras_senet.SEResNet20)())
    before = model.get_weights()
    found = excitations(model, images(32))
    remove_se(model, [block.name for block in found.blocks], found)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("layout", [None, "timm", "keras_senet"])
def test_weight_files_do_not_forget_removed_blocks(layout, tmp_path):
    network = keras_senet.SEResNet50.replace(depths=(1, 1, 1, 1))
    model = network(input_shape=(32, 32, 3))
    found = excitations(model, images(32))
    smaller = remove_se(model, ["stage2_block1_se"], found)
    smaller = remove_se(smaller, ["stage4_block1_se"], excitations(smaller, images(32)))
    with pytest.raises(ValueError, match=r"took out .*stage2_block1_se; stage4_block1_se"):
        keras_senet.export_weights(smaller, tmp_path / "x.safetensors", layout)
    assert not list(tmp_path.iterdir())
    smaller.save(tmp_path / "smaller.keras")
    loaded = keras.saving.load_model(tmp_path / "smaller.keras")
    np.testing.assert_array_equal(
        *(keras.ops.convert_to_numpy(one(images(32))) for one in (loaded, smaller))
    )
    with pytest.raises(ValueError, match=r"removed_se: \['stage2_block1_se', 'stage4"):
        network(weights=tmp_path / "smaller.keras", input_shape=(32, 32, 3))


def test_refusals():
    model = shallow(keras_senet.SEResNet20)()
    found = excitations(model, images(32, 2))
    with pytest.raises(ValueError, match="No SE block 'x'"):
        remove_se(model, ["x"], found)
    with pytest.raises(ValueError, match="'constant' or a list"):
        remove_se(model, "all", found)
    wide = keras_senet.SEWideResNet16x8.replace(depths=(1, 1, 1))()
    with pytest.raises(ValueError, match="collect them of this model"):
        remove_se(wide, ["stage2_block1_se"], found)
