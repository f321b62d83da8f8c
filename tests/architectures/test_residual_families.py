"""Counts, shapes, designs and doors of the residual networks."""

import json
import math
import pathlib

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet import SEConfig

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
PARAMETERS = json.loads((GOLDEN / "parameters.json").read_text())
IMAGENET = {
    "resnet18": keras_senet.SEResNet18,
    "resnet34": keras_senet.SEResNet34,
    "resnet50": keras_senet.SEResNet50,
    "resnet101": keras_senet.SEResNet101,
    "resnet152": keras_senet.SEResNet152,
    "resnext50_32x4d": keras_senet.SEResNeXt50,
    "resnext101_32x4d": keras_senet.SEResNeXt101,
    "senet154": keras_senet.SENet154,
}
CIFAR = {
    "20": keras_senet.SEResNet20,
    "56": keras_senet.SEResNet56,
    "110": keras_senet.SEResNet110,
    "164bn": keras_senet.SEResNet164,
    "wrn16_8": keras_senet.SEWideResNet16x8,
}
NEXT = keras_senet.SEResNeXt101.replace(se=SEConfig(divisor=8))
DEEP = {"stem": (32, 32, 64), "shortcut": "pool", "se": SEConfig(divisor=8)}
TIMM = {
    "seresnet18": keras_senet.SEResNet18.replace(se=SEConfig(divisor=8)),
    "seresnet34": keras_senet.SEResNet34.replace(se=SEConfig(divisor=8)),
    "seresnet152d": keras_senet.SEResNet152.replace(**DEEP),
    "seresnext101_64x4d": NEXT.replace(groups=64),
    "seresnext101_32x8d": NEXT.replace(width=8),
    "seresnext101d_32x8d": NEXT.replace(width=8, **DEEP),
    "seresnextaa201d_32x8d": keras_senet.SEResNeXt201,
}
# SE weights of ResNet-50 without biases by design: the paper's tables 10, 13 and 14.
DESIGNS = [
    (SEConfig(use_bias=False, reduction=2), 20_119_552),
    (SEConfig(use_bias=False, reduction=4), 10_059_776),
    (SEConfig(use_bias=False, reduction=8), 5_029_888),
    (SEConfig(use_bias=False, reduction=32), 1_257_472),
    (SEConfig(use_bias=False, stages=(2,)), 24_576),
    (SEConfig(use_bias=False, stages=(3,)), 131_072),
    (SEConfig(use_bias=False, stages=(4,)), 786_432),
    (SEConfig(use_bias=False, stages=(2, 3, 4)), 942_080),
    (SEConfig(use_bias=False, placement="pre"), 1_991_168),
    (SEConfig(use_bias=False, placement="post"), 2_514_944),
    (SEConfig(use_bias=False, placement="identity"), 2_514_944),
    (SEConfig(use_bias=False, placement="3x3"), 157_184),
    (SEConfig(use_bias=False, squeeze="none"), 2_514_944),
]
TINY = keras_senet.SEResNet50.replace(depths=(1, 1, 1, 1))
TINY_CIFAR = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
FAMILIES = {
    "resnet": TINY,
    "resnext": keras_senet.SEResNeXt50.replace(depths=(1, 1, 1, 1)),
    "senet154": keras_senet.SENet154.replace(depths=(1, 1, 1, 1)),
    "basic": keras_senet.SEResNet18.replace(depths=(1, 1, 1, 1)),
    "resnet_d": TINY.replace(stem=(32, 32, 64), shortcut="pool", stride_in="3x3"),
    "cifar": TINY_CIFAR,
    "cifar_bottleneck": keras_senet.SEResNet164.replace(depths=(1, 1, 1)),
    "wide": keras_senet.SEWideResNet16x8.replace(depths=(1, 1, 1), widen=2),
}


def trainable(model):
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def pixels(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype("float32")


once = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the same on every backend"
)


@pytest.fixture
def zero_weights(monkeypatch):
    """Only counts matter: a billion random numbers would take a minute."""
    monkeypatch.setattr(
        keras.initializers.HeNormal,
        "__call__",
        lambda self, shape, dtype=None: keras.ops.zeros(shape, dtype),
    )


@once
@pytest.mark.parametrize("name", IMAGENET)
def test_parameters_of_the_large_networks(name, zero_weights):
    network, expected = IMAGENET[name], PARAMETERS["imagenet"][name]
    model = network()
    assert trainable(model) == expected["se"]
    assert model.count_params() - expected["se"] == 2 * expected["bn_channels"]
    assert trainable(network.replace(se=None)()) == expected["plain"]
    assert trainable(network.replace(se=SEConfig(use_bias=False))()) == expected["se_no_bias"]


@once
@pytest.mark.parametrize("name", CIFAR)
def test_parameters_of_the_small_networks(name, zero_weights):
    network, expected = CIFAR[name], {**PARAMETERS["cifar"], **PARAMETERS["wide"]}[name]
    assert trainable(network()) == expected["se"]
    assert trainable(network.replace(se=None)()) == expected["plain"]
    assert trainable(network(classes=100)) == expected["se_cifar100"]


@once
@pytest.mark.parametrize("name", TIMM)
def test_parameters_of_timms_variants(name, zero_weights):
    assert trainable(TIMM[name]()) == PARAMETERS["timm"][name]


def test_plain_values_are_the_se_ones_without_se():
    for name in keras_senet.__all__:
        network = getattr(keras_senet, name)
        if isinstance(network, keras_senet.Architecture) and network.se is None:
            if isinstance(network, keras_senet.MobileNetV3):
                continue  # minimalistic: other than its relatives with SE in more than SE
            se = "SENet154" if name == "PlainSENet154" else f"SE{name}"
            assert getattr(keras_senet, se).replace(se=None, name=network.name) == network


@once
@pytest.mark.parametrize(("se", "weights"), DESIGNS)
def test_se_parameters_by_design(se, weights, zero_weights):
    assert trainable(keras_senet.SEResNet50.replace(se=se)()) == 25_557_032 + weights


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [(64, 64), (65, 47)])
def test_strides_and_pyramid_at_even_and_odd_sizes(family, size):
    network = FAMILIES[family]
    features = network(pyramid=True, input_shape=(*size, 3)).output
    strides = (1, 2, 4) if network.input_size == 32 else (2, 4, 8, 16, 32)
    assert list(features) == list(network.feature_names)
    for feature, stride in zip(features.values(), strides, strict=True):
        expected = tuple(math.ceil(side / stride) for side in size)
        if network.input_size == 224 and network.stem_pool == "ceil" and stride > 2:
            # Rounded up from the stem: ceil(((ceil(s / 2) - 3) / 2) + 1), then halved and up.
            stems = [math.ceil(side / 2) for side in size]
            pooled = [math.ceil((side - 3) / 2) + 1 for side in stems]
            expected = tuple(math.ceil(side / (stride // 4)) for side in pooled)
        assert tuple(feature.shape[1:3]) == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_saved_model_is_the_same(family, tmp_path):
    model = FAMILIES[family](input_shape=(32, 32, 3), classes=5)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = pixels((2, 32, 32, 3))
    difference = np.abs(
        keras.ops.convert_to_numpy(model(x)) - keras.ops.convert_to_numpy(loaded(x))
    )
    assert difference.max() == 0.0


def test_layer_names_and_their_order_are_a_file_format():
    golden = json.loads((GOLDEN / "layer_names.json").read_text())
    for family, names in golden.items():
        assert [layer.name for layer in FAMILIES[family]().layers] == names


@pytest.mark.parametrize("placement", ["standard", "pre", "post", "identity", "3x3"])
@pytest.mark.parametrize("base", [TINY, keras_senet.SEResNet164.replace(depths=(1, 1, 1))])
def test_placements(base, placement):
    """One gate a block, where the paper's figure 5 puts it; the block's last layer has its name."""
    model = base.replace(se=SEConfig(placement=placement))(input_shape=(32, 32, 3))
    gates = [x for x in model.layers if isinstance(x, keras_senet.layers.SqueezeExcitation)]
    assert len(gates) == sum(base.depths)
    gate = gates[1]
    before = gate.input._keras_history.operation.name
    expected = {
        "standard": "stage3_block1_conv3_bn",
        "pre": "stage2_block1",
        "post": "stage3_block1_relu",
        "identity": "stage3_block1_shortcut_bn",
        "3x3": "stage3_block1_conv2_relu",
    }
    assert before == expected[placement]
    assert model.get_layer("stage3_block1").output.shape[1:3] == (
        (4, 4) if base is TINY else (16, 16)
    )


def test_stages_without_se():
    model = TINY.replace(se=SEConfig(stages=(3, 4)))()
    gates = [x.name for x in model.layers if isinstance(x, keras_senet.layers.SqueezeExcitation)]
    assert gates == ["stage3_block1_se", "stage4_block1_se"]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_weight_has_a_gradient(family):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("gradients by GradientTape")
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    model = FAMILIES[family](input_shape=(64, 64, 3), classes=5)
    x, y = pixels((8, 64, 64, 3)), np.arange(8) % 5
    with tf.GradientTape() as tape:
        loss = keras.losses.SparseCategoricalCrossentropy()(y, model(x, training=True))
    for weight, gradient in zip(
        model.trainable_weights,
        tape.gradient(loss, [w.value for w in model.trainable_weights]),
        strict=True,
    ):
        gradient = np.asarray(gradient)
        assert np.isfinite(gradient).all(), weight.path
        assert np.abs(gradient).max() > 0, weight.path


def test_one_batch_can_be_memorised():
    keras.utils.set_random_seed(0)
    model = TINY_CIFAR(input_shape=(16, 16, 3), classes=4)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy")
    x, y = pixels((8, 16, 16, 3)), np.arange(8) % 4
    for _ in range(60):
        loss = model.train_on_batch(x, y)
    assert loss < 0.05


def test_preprocessing_is_the_first_layer():
    raw = TINY_CIFAR(classifier_activation=None)
    bare = TINY_CIFAR(classifier_activation=None, include_preprocessing=False)
    bare.set_weights(raw.get_weights())
    x = pixels((2, 32, 32, 3))
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


def test_mixed_precision_keeps_the_head_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = TINY_CIFAR()
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("stage2_block1_conv1").compute_dtype == "bfloat16"
    for name in ("preprocessing", "head_pool", "head"):
        assert model.get_layer(name).compute_dtype == "float32"
    assert keras.backend.standardize_dtype(model.output.dtype) == "float32"


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
        (lambda: SEConfig(stages=3), "`stages` must be None or a tuple"),
        (lambda: TINY.replace(block="basic", se=SEConfig(placement="3x3")), "undefined for basic"),
        (lambda: TINY_CIFAR.replace(se=SEConfig(placement="3x3")), "undefined for basic"),
        (lambda: TINY_CIFAR.replace(block="dense"), "`block` must be"),
        (lambda: TINY.replace(se=SEConfig(squeeze="conv"))(input_shape=(None, None, 3)), "fixed"),
        (lambda: TINY(weights=3), "`weights` must be None, the name of"),
    ],
)
def test_errors_say_what_to_do(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_channels_first_is_refused():
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match="channels_last only"):
            TINY()
    finally:
        keras.config.set_image_data_format("channels_last")
