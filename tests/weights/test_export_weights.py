"""What we export is what timm wrote: the same names, the same numbers.

timm's outputs for these files are golden numbers (`test_reference_outputs.py`): a file that comes
back tensor by tensor has timm's outputs in timm.
"""

import dataclasses

import keras
import numpy as np
import pytest
from small import shallow, size, variants
from weights.reference_files import SMALL, tensors

import keras_senet

safetensors = pytest.importorskip("safetensors.numpy")
NETWORKS = {name: SMALL[name] for name in SMALL if name.startswith("small_")}
NETWORKS |= {
    name: SMALL[name] for name in ("mobilenetv3_small_100", "test_efficientnet", "tinynet_e")
}


def small(**arguments):
    return keras_senet.SEResNet20.replace(depths=(1, 1, 1))(input_shape=(32, 32, 3), **arguments)


@pytest.mark.at_first(every=11)
@pytest.mark.parametrize("network", NETWORKS)
def test_round_trip(network, tmp_path):
    written = tensors(network)
    safetensors.save_file(written, tmp_path / "timm.safetensors")
    model = NETWORKS[network](weights=tmp_path / "timm.safetensors", input_shape=(64, 64, 3))
    keras_senet.export_weights(model, tmp_path / "ours.safetensors")
    exported = safetensors.load_file(tmp_path / "ours.safetensors")
    assert exported.keys() == written.keys()
    for name, value in written.items():
        np.testing.assert_array_equal(exported[name], value)
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (keras_senet.ResNet50.replace(depths=(1, 1, 1, 1)), "no SE, which timm has no network for"),
        (
            keras_senet.SEResNet50.replace(depths=(1, 1, 1, 1), stem_pool="pad"),
            "stride_in .* '3x3'. Received: stride_in .* '1x1'",
        ),
        (
            keras_senet.SEResNet18.replace(
                depths=(1, 1, 1, 1), se=keras_senet.SEConfig(gate="tanh")
            ),
            "SE gate 'sigmoid'",
        ),
        (
            keras_senet.SEResNet18.replace(
                depths=(1, 1, 1, 1), se=keras_senet.SEConfig(stages=(3,))
            ),
            "SE blocks .* in all 4 units",
        ),
    ],
)
def test_what_timm_lacks_is_refused(network, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        keras_senet.export_weights(network(classes=5), tmp_path / "x.safetensors")
    assert not list(tmp_path.iterdir())


def test_paths_and_heads(tmp_path):
    model = keras_senet.SEResNet18.replace(depths=(1, 1, 1, 1))(include_top=False)
    with pytest.raises(ValueError, match="no classifier"):
        keras_senet.export_weights(model, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match=r"ends in \.safetensors"):
        keras_senet.export_weights(model, tmp_path / "x.pth")
    assert not list(tmp_path.iterdir())


DESIGNS = {
    "max": keras_senet.SEConfig(squeeze="max"),
    "gelu": keras_senet.SEConfig(activation="gelu"),
    "tanh, no bias": keras_senet.SEConfig(gate="tanh", use_bias=False, reduction=4),
    "plain": None,
}
OWN = {
    name: shallow(network)
    for name, network in variants().items()
    if name in ("SEResNet18", "SEResNeXt50", "SENet154", "SEResNet20", "SEPreResNet164",
                "SEMobileNet", "MobileNetV3Small", "SEShuffleNet", "SEShuffleNetV2x05",
                "SEBNInception", "RegNetY002", "ResNetRS50", "EfficientNetB0", "EfficientNetV2S")
}  # fmt: skip


# Each network in one design, each design of one network.
OWN_DESIGNS = [(name, "tanh, no bias") for name in OWN]
OWN_DESIGNS += [("SEResNet18", design) for design in ("max", "gelu", "plain")]


@pytest.mark.at_first(every=9)
@pytest.mark.parametrize(("name", "design"), OWN_DESIGNS)
def test_own_layout_comes_back(name, design, tmp_path):
    network, path = OWN[name].replace(se=DESIGNS[design]), tmp_path / "x.safetensors"
    side = size(network)
    model = network(input_shape=(side, side, 3), classes=7)
    keras_senet.export_weights(model, path, layout="keras_senet")
    again = network(weights=path, input_shape=(side, side, 3))
    x = np.random.default_rng(0).integers(0, 256, (2, side, side, 3)).astype("float32")
    a, b = (keras.ops.convert_to_numpy(one(x)) for one in (model, again))
    np.testing.assert_array_equal(a, b)


def test_own_layout_decides_backbone_and_pixels(tmp_path):
    network = keras_senet.SEResNet18.replace(depths=(1, 1, 1, 1), stem_pool="pad")
    network = network.replace(preprocessing=keras_senet.weights.INCEPTION, se=DESIGNS["max"])
    model = network(input_shape=(32, 32, 3), classes=3)
    keras_senet.export_weights(model, tmp_path / "x.safetensors", layout="keras_senet")
    default = keras_senet.SEResNet18.replace(depths=(1, 1, 1, 1))
    again = default(weights=tmp_path / "x.safetensors", input_shape=(32, 32, 3))
    x = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("float32")
    a, b = (keras.ops.convert_to_numpy(one(x)) for one in (model, again))
    np.testing.assert_array_equal(a, b)
    assert default(weights=tmp_path / "x.safetensors", classes=5).output_shape[-1] == 5


PAD = keras_senet.SEResNet18.replace(depths=(1, 1, 1, 1), stem_pool="pad")


@pytest.mark.at_first(every=3)
@pytest.mark.parametrize(
    ("network", "field"),
    [
        (PAD.replace(se=DESIGNS["max"]), "squeeze"),
        (PAD.replace(se=DESIGNS["gelu"]), "activation"),
        (PAD.replace(se=keras_senet.SEConfig(placement="pre")), "placement"),
        (PAD.replace(se=keras_senet.SEConfig(gate="doubled_sigmoid")), "gate"),
        (PAD.replace(se=keras_senet.SEConfig(use_bias=False, divisor=8)), "use_bias"),
        (PAD.replace(se=keras_senet.SEConfig(reduction=4)), "reduction"),
        (PAD.replace(se=keras_senet.SEConfig(divisor=8), relu_before_se=True), "relu_before_se"),
        (PAD.replace(stem_pool="ceil"), "relu_before_se"),
    ],
)
def test_what_timm_computes_otherwise_is_refused(network, field, tmp_path):
    with pytest.raises(ValueError, match=field):
        keras_senet.export_weights(network(input_shape=(32, 32, 3)), tmp_path / "x.safetensors")
    assert not list(tmp_path.iterdir())


def with_rows(network, *numbers, **fields):
    """The network with other fields in these rows of its table of stages, from 0."""
    rows = [
        dataclasses.replace(row, **fields) if index in numbers else row
        for index, row in enumerate(network.stages)
    ]
    return network.replace(stages=tuple(rows))


TENSORFLOW = {"padding": "same", "epsilon": 1e-3}
PYTORCH = {"padding": "torch", "epsilon": 1e-5}


@pytest.mark.at_first(every=4)
@pytest.mark.parametrize(
    ("network", "field"),
    [
        # timm has these with PyTorch's padding alone ...
        (keras_senet.MobileNetV3Small050, "padding"),
        (keras_senet.MobileNetV3Large150d, "padding"),
        (keras_senet.TinyNetA.replace(**TENSORFLOW), "padding"),
        (keras_senet.TinyNetE.replace(**TENSORFLOW), "padding"),
        (keras_senet.EfficientNetV2Test.replace(**TENSORFLOW), "padding"),
        (keras_senet.EfficientNetV2RWT.replace(**TENSORFLOW), "padding"),
        (keras_senet.MnasNetSmall.replace(**TENSORFLOW), "padding"),
        # ... and these with TensorFlow's.
        (keras_senet.EfficientNetV2B0.replace(**PYTORCH), "padding"),
        (keras_senet.MobileNetV3SmallMinimalistic.replace(**PYTORCH), "padding"),
        # No tensor shows strides and activations.
        (with_rows(keras_senet.EfficientNetB0, 5, stride=1), "stride"),
        (with_rows(keras_senet.EfficientNetV2Test, 4, stride=1), "stride"),
        (with_rows(keras_senet.MobileNetV3Small, 4, stride=1), "stride"),
        (with_rows(keras_senet.MobileNetV3Small, 0, 1, activation="hard_swish"), "activation"),
    ],
)
@pytest.mark.usefixtures("only_shapes")
def test_what_no_tensor_shows_is_as_in_timm_or_refused(network, field, tmp_path):
    with pytest.raises(ValueError, match=f"timm computes .* otherwise.*{field}"):
        keras_senet.export_weights(network(input_shape=(64, 64, 3)), tmp_path / "x.safetensors")
    assert not list(tmp_path.iterdir())


def test_two_names_of_one_activation(tmp_path):
    network = keras_senet.EfficientNetB0.replace(activation="swish")
    keras_senet.export_weights(network(input_shape=(64, 64, 3)), tmp_path / "x.safetensors")


def test_altered_models_are_refused(tmp_path):
    model = PAD.replace(se=keras_senet.SEConfig(divisor=8))(input_shape=(32, 32, 3))
    model.get_layer("stage2_block1_se").squeeze = "max"
    with pytest.raises(ValueError, match="altered"):
        keras_senet.export_weights(model, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match="does not say which network"):
        wrapped = keras.Sequential([model])
        keras_senet.export_weights(wrapped, tmp_path / "x.safetensors")


def with_other(**kinds):
    """A change of a model: other layers in the place of those of these names."""

    def change(model):
        def other(layer):
            made = kinds.get(layer.name)
            return made(name=layer.name) if made else type(layer).from_config(layer.get_config())

        return keras.models.clone_model(model, clone_function=other)

    return change


def with_call(name, call):
    """A change of a model: another call of the layer of this name."""

    def change(model):
        return keras.models.clone_model(
            model,
            call_function=lambda layer, *args, **kwargs: (
                call(layer, *args) if layer.name == name else layer(*args, **kwargs)
            ),
        )

    return change


def ends_in(more):
    return lambda model: keras.Model(model.input, more(model.output))


def with_sigmoid(model):
    model.get_layer("head").activation = keras.activations.sigmoid
    return model


CHANGES = {
    "flip": ends_in(lambda scores: keras.ops.flip(scores, -1)),
    "times two": ends_in(lambda scores: scores * 2),
    "Softmax": ends_in(keras.layers.Softmax()),
    "Lambda": ends_in(keras.layers.Lambda(lambda scores: -scores, output_shape=(4,))),
    "sigmoid": with_sigmoid,
    "max pooling": with_other(head_pool=keras.layers.GlobalMaxPooling2D),
    "difference": with_other(stage3_block1_add=keras.layers.Subtract),
    "capped": with_other(
        stage3_block1=lambda name: keras.layers.ReLU(max_value=0.5, name=name),
    ),
    "Rescaling": with_call(
        "stage3_block1_add", lambda layer, x: keras.layers.Rescaling(0.5)(layer(x))
    ),
    "no shortcut": with_call("stage3_block1_add", lambda layer, x: layer([x[1], x[1]])),
    "twice": with_call("stage3_block1_se", lambda layer, x: layer(layer(x))),
}


@pytest.mark.parametrize("layout", ["timm", "keras_senet"])
@pytest.mark.parametrize("change", CHANGES)
def test_networks_that_were_altered_without_weights_are_refused(change, layout, tmp_path):
    """Their files would be those of the networks before."""
    model = CHANGES[change](keras_senet.SEResNet18.replace(depths=(1, 1, 1, 1))(classes=4))
    with pytest.raises(ValueError, match="was altered after it was built"):
        keras_senet.export_weights(model, tmp_path / "x.safetensors", layout)
    assert not list(tmp_path.iterdir())


def test_what_does_nothing_at_inference_may_be_behind_a_network(tmp_path):
    model = small(classes=4)
    noisy = keras.Model(model.input, keras.layers.GaussianNoise(0.1)(model.output))
    clone = keras.models.clone_model(noisy, keras.Input((48, 48, 3)))
    clone.set_weights(model.get_weights())
    for number, one in enumerate((model, noisy, clone)):
        keras_senet.export_weights(one, tmp_path / f"{number}.safetensors")
    first, *others = (path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert others == [first, first]


def test_others_may_read_the_file(tmp_path):
    """As any file that a program writes, under the usual mask."""
    plain = tmp_path / "plain"
    plain.touch()
    keras_senet.export_weights(
        keras_senet.SEResNet20.replace(depths=(1, 1, 1))(), tmp_path / "x.safetensors"
    )
    assert (tmp_path / "x.safetensors").stat().st_mode == plain.stat().st_mode


@pytest.mark.at_first("stage4_block1_se")
@pytest.mark.parametrize("name", ["head", "stage2_block1_conv2", "stage4_block1_se"])
def test_low_rank_adapters_are_part_of_their_kernels(name, tmp_path):
    model = small()
    layer = getattr(model.get_layer(name), "reduce", model.get_layer(name))
    x = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype("uint8")
    before = keras.ops.convert_to_numpy(model(x))
    layer.enable_lora(2)
    layer.lora_kernel_b.assign(np.random.default_rng(0).normal(size=layer.lora_kernel_b.shape))
    keras_senet.export_weights(model, tmp_path / "x.safetensors")
    again = small(weights=tmp_path / "x.safetensors")
    expected = keras.ops.convert_to_numpy(model(x))
    assert np.abs(before - expected).max() > 1e-3
    np.testing.assert_allclose(again(x), expected, atol=1e-6)


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_integers_of_keras_are_refused(mode, tmp_path):
    model = small()
    model.quantize(mode, filters="head")
    with pytest.raises(ValueError, match=f"'head' .* was quantized by Keras .*{mode}"):
        keras_senet.export_weights(model, tmp_path / "x.safetensors")
    assert not list(tmp_path.iterdir())
    model.save_weights(tmp_path / "x.weights.h5")
    with pytest.raises(ValueError, match="Keras quantized: layer head holds integers"):
        keras_senet.SEResNet20.replace(depths=(1, 1, 1))(weights=tmp_path / "x.weights.h5")


def test_a_field_of_classes_that_was_set_counts_as_the_argument_does(tmp_path, caplog):
    path = tmp_path / "x.safetensors"
    keras_senet.export_weights(small(classes=5), path)
    network = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
    assert network(weights=path).output_shape == (None, 5)
    assert not caplog.records
    assert network.replace(classes=7)(weights=path).output_shape == (None, 7)
    assert "its classifier keeps its random weights" in caplog.text
    assert network.replace(classes=7)(weights=path, classes=5).output_shape == (None, 5)


@pytest.mark.slow
def test_a_file_of_ours_in_timms_layout_says_which_backbone_it_has(tmp_path, caplog):
    path, default = tmp_path / "x.safetensors", keras_senet.MobileNetV3Small050
    network = default.replace(**PYTORCH)
    model = network(input_shape=(64, 64, 3))
    keras_senet.export_weights(model, path)
    again = default(weights=path, input_shape=(64, 64, 3))
    x = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype("float32")
    a, b = (keras.ops.convert_to_numpy(one(x)) for one in (model, again))
    np.testing.assert_array_equal(a, b)
    assert not caplog.records
