"""The call of a value: arguments, preprocessing, precision, names, saving, error texts."""

import inspect
import json
import math
import pathlib

import keras
import numpy as np
import pytest
from small import KINDS, KINDS_HERE, gates, shape, variants

import keras_senet
from keras_senet import SEConfig
from keras_senet.architectures import efficientnet, mobilenet_v3

LAYER_NAMES = pathlib.Path(__file__).parents[1] / "golden" / "layer_names.json"
TINY, TINY_CIFAR = KINDS["resnet"], KINDS["cifar"]


def pixels(*sizes):
    return np.random.default_rng(0).integers(0, 256, sizes).astype("float32")


def test_every_se_value_has_a_plain_one():
    values = variants()
    for name, network in values.items():
        if name.startswith("SE") and name != "SENet154":
            assert values[name.removeprefix("SE")].se is None
            assert network.se == SEConfig()


def test_plain_values_are_the_se_ones_without_se():
    for name, network in variants().items():
        if network.se is None:
            if isinstance(network, keras_senet.RegNet):
                continue  # X and Y have rows of their own
            if isinstance(network, keras_senet.MobileNetV3):
                continue  # minimalistic: other than its relatives with SE in more than SE
            se = "SENet154" if name == "PlainSENet154" else f"SE{name}"
            assert getattr(keras_senet, se).replace(se=None, name=network.name) == network


def test_gates_start_where_the_design_says(tmp_path):
    """It changes no computation: weights of other starts are taken, theirs count."""
    open_gates = TINY_CIFAR.replace(se=SEConfig(start=0.9))
    model = open_gates(input_shape=(32, 32, 3), classes=3)
    for layer in gates(model):
        bias = keras.ops.convert_to_numpy(layer.expand.bias)
        np.testing.assert_allclose(bias, np.log(9), rtol=1e-6)
    paper = TINY_CIFAR(input_shape=(32, 32, 3), classes=3)
    paper.save_weights(tmp_path / "x.weights.h5")
    images = pixels(2, 32, 32, 3)
    loaded = open_gates(weights=tmp_path / "x.weights.h5")
    np.testing.assert_array_equal(*(keras.ops.convert_to_numpy(m(images)) for m in (paper, loaded)))


@pytest.mark.parametrize("kind", KINDS)
def test_layer_names_and_their_order_are_a_file_format(kind, only_shapes):
    model = KINDS[kind](input_shape=shape(KINDS[kind]))
    frozen = json.loads(LAYER_NAMES.read_text())
    assert list(frozen) == list(KINDS)
    assert [layer.name for layer in model.layers] == frozen[kind]


@pytest.mark.at_first("regnet", "preresnet")
@pytest.mark.parametrize("kind", KINDS_HERE)
def test_saved_model_is_the_same(kind, tmp_path):
    network = KINDS[kind]
    model = network(input_shape=shape(network), classes=5)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = pixels(2, *shape(network))
    difference = keras.ops.convert_to_numpy(model(x)) - keras.ops.convert_to_numpy(loaded(x))
    assert np.abs(difference).max() == 0.0


@pytest.mark.at_first(every=4)
@pytest.mark.parametrize("kind", KINDS_HERE)
def test_mixed_precision_begins_and_ends_in_float32(kind, only_shapes):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = KINDS[kind](input_shape=shape(KINDS[kind]))
    finally:
        keras.config.set_dtype_policy("float32")
    types = {layer.name: layer.compute_dtype for layer in model.layers}
    ends = {name: kind for name, kind in types.items() if name.startswith(("prep", "head"))}
    assert len(ends) >= 3 and set(ends.values()) == {"float32"}, ends
    assert types["stage3_block1"] == "bfloat16"
    assert keras.backend.standardize_dtype(model.output.dtype) == "float32"


def test_one_batch_can_be_memorised():
    keras.utils.set_random_seed(0)
    model = TINY_CIFAR(input_shape=(16, 16, 3), classes=4)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy")
    x, y = pixels(8, 16, 16, 3), np.arange(8) % 4
    for _ in range(60):
        model.reset_metrics()  # Keras 3.14 returns the mean over all steps since
        loss = model.train_on_batch(x, y)
    assert loss < 0.05


def test_preprocessing_is_the_first_layer():
    raw = TINY_CIFAR(classifier_activation=None)
    bare = TINY_CIFAR(classifier_activation=None, include_preprocessing=False)
    bare.set_weights(raw.get_weights())
    x = pixels(2, 32, 32, 3)
    mean, std = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
    normalized = ((x / 255 - mean) / std).astype("float32")
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(raw(x)),
        keras.ops.convert_to_numpy(bare(normalized)),
        rtol=1e-4,
        atol=1e-5,
    )
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(raw(x.astype("uint8"))), keras.ops.convert_to_numpy(raw(x))
    )


def test_applications_arguments():
    image = keras.Input((48, 40, 3))
    assert TINY(input_tensor=image).output.shape == (None, 1000)
    assert TINY(include_top=False).output.shape == (None, None, None, 2048)
    assert TINY(include_top=False, pooling="avg").output.shape == (None, 2048)
    assert TINY(include_top=False, pooling="max").output.shape == (None, 2048)
    assert TINY(classes=7, name="mine").name == "mine"
    logits = TINY_CIFAR(classifier_activation=None)
    assert logits.get_layer("head").activation is keras.activations.linear
    one = keras_senet.Preprocessing((0.5,), (0.25,))
    grey = TINY_CIFAR.replace(preprocessing=one)(input_shape=(28, 28, 1))
    assert grey.output.shape == (None, 10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TINY(pooling="sum"), "`pooling` must be None, 'avg' or 'max'. Received: 'sum'"),
        (lambda: TINY(pooling="avg"), "`pooling` needs `include_top=False`"),
        (lambda: TINY(classes=0), "`classes` must be an integer above 0"),
        (lambda: TINY(input_shape=(32, 32)), "`input_shape` must be"),
        (lambda: TINY(input_shape=(32, 32, 1)), "images of 3 channels. Received: 1 channels"),
        (lambda: TINY.replace(depth=3), "has no field 'depth'"),
        (lambda: TINY.replace(stride_in="5x5"), "`stride_in` must be one of"),
        (lambda: TINY.replace(depths=(1, 1)), "`depths` must have four numbers"),
        (lambda: TINY.replace(se=16), "`se` must be a SEConfig"),
        (lambda: SEConfig(placement="after"), "`placement` must be one of"),
        (lambda: SEConfig(ratio_of="output"), "`ratio_of` must be one of"),
        (lambda: SEConfig(stages=3), "`stages` must be None or a tuple"),
        (lambda: TINY.replace(block="basic", se=SEConfig(placement="3x3")), "undefined for basic"),
        (lambda: TINY_CIFAR.replace(se=SEConfig(placement="3x3")), "undefined for basic"),
        (lambda: TINY_CIFAR.replace(block="dense"), "`block` must be"),
        (lambda: TINY.replace(se=SEConfig(squeeze="conv"))(input_shape=(None, None, 3)), "fixed"),
        (lambda: TINY(weights=3), "`weights` must be None, the name of"),
        (lambda: SEConfig(reduction=(8, 16)), "needs as many `stages`"),
        (lambda: SEConfig(reduction=(8, 16), stages=(3,)), "needs as many `stages`"),
        (lambda: TINY.replace(se=SEConfig(round_limit=2))(), "`round_limit` must be in 0..1"),
        (lambda: TINY.replace(se=SEConfig(start=1))(), "`start` must be None or a number between"),
        (lambda: keras_senet.RegNetY002.replace(w0=25), "`w0` .a multiple of 8"),
        (lambda: keras_senet.RegNetY002.replace(wm=1), "`wm` above 1"),
        (lambda: keras_senet.RegNetY002.replace(round_limit=2), "`round_limit` must be in 0..1"),
        (lambda: keras_senet.EfficientNetB0.replace(depth="a"), "`depth` must be a number above 0"),
        (lambda: keras_senet.EfficientNetB0.replace(depth=math.inf), "`depth` must be a number"),
        (lambda: keras_senet.EfficientNetB0.replace(round_limit=2), "`round_limit` must be in 0"),
        (lambda: keras_senet.EfficientNetB0.replace(padding="valid"), "`padding` must be one of"),
        (lambda: keras_senet.EfficientNetB0.replace(epsilon=-1), "`epsilon` must be a number"),
        (lambda: keras_senet.EfficientNetB0.replace(stem=0), "`stem` must be an integer above 0"),
        (lambda: keras_senet.EfficientNetB0.replace(stages=()), "`stages` must be a tuple of St"),
        (lambda: keras_senet.MobileNetV3Small.replace(stages=5), "`stages` must be a tuple of St"),
        (lambda: efficientnet.Stage(16, 1, stride=3), "`stride` must be one of .1, 2."),
        (lambda: mobilenet_v3.Stage(16, (1,), stride=4), "`stride` must be one of .1, 2."),
        (lambda: TINY.replace(depths=5), "`depths` must be a tuple of integers above 0"),
        (lambda: TINY.replace(halved_reduce=1), "`halved_reduce` must be True or False"),
        (lambda: keras_senet.SEShuffleNet.replace(groups=5), "`groups` must be one of"),
        (lambda: keras_senet.SEShuffleNet.replace(scale=0.3), "`scale` must leave widths"),
        (lambda: keras_senet.SEVGG16.replace(depths=(1, 1)), "`depths` must have five numbers"),
        (
            lambda: keras_senet.SEShuffleNetV2x10.replace(filters=(3, 4, 4, 8)),
            "`filters` must have four numbers",
        ),
        (
            lambda: keras_senet.SEShuffleNetV2x10.replace(stem_pool="same"),
            "`stem_pool` must be 'ceil' or 'pad'",
        ),
    ],
)
def test_errors_say_what_to_do(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "make",
    [
        TINY,
        keras_senet.layers.SqueezeExcitation,
        keras_senet.layers.EfficientChannelAttention,
        keras_senet.layers.EffectiveSE,
        keras_senet.layers.SpatialChannelSE,
        lambda: keras_senet.layers.ChannelShuffle(2),
        keras_senet.layers.GlobalAveragePooling2D,
    ],
)
def test_a_setting_of_channels_first_is_refused(make):
    """The last axis would be taken for the channels."""
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match=r"'?channels_last.*Received: .*channels_first"):
            make()
    finally:
        keras.config.set_image_data_format("channels_last")


def channels_first():
    image = keras.Input((3, 8, 12))
    x = keras.layers.Conv2D(4, 3, data_format="channels_first", name="first")(image)
    x = keras.layers.GlobalAveragePooling2D(data_format="channels_first")(x)
    return keras.Model(image, keras.layers.Dense(2)(x), name="others")


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize(
    "use",
    [
        keras_senet.add_se,
        keras_senet.analysis.cost,
        lambda model: keras_senet.analysis.excitations(model, np.zeros((2, 3, 8, 12))),
        pytest.param(
            lambda model: keras_senet.export.to_tflite(model, "model.tflite"),
            marks=pytest.mark.skipif(
                keras.backend.backend() != "tensorflow", reason="exports are TensorFlow's"
            ),
        ),
    ],
    ids=["add_se", "cost", "excitations", "to_tflite"],
)
def test_models_with_channels_first_are_refused(use, nested):
    model = channels_first()
    if nested:
        image = keras.Input((3, 8, 12))
        model = keras.Model(image, model(image), name="others")
    with pytest.raises(ValueError, match=r"' of 'others' has data_format='channels_first'"):
        use(model)


def test_help_of_a_network_is_how_it_is_called():
    import pydoc

    text = pydoc.plain(pydoc.render_doc(keras_senet.SEResNet50))
    for argument in inspect.signature(keras_senet.SEResNet50).parameters:
        assert f"{argument}:" in text
    assert "Returns:" in text and "arguments are those of `keras.applications`" in text
    assert keras_senet.SEResNet50.replace() == keras_senet.SEResNet50
