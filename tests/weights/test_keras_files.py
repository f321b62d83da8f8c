"""Files of Keras say of which network they are: the right one is built, or the fields are named."""

import dataclasses
import json
import logging

import keras
import numpy as np
import pytest
from small import shallow, size

import keras_senet
from keras_senet import ResNet50, SEConfig, SEResNet18, SEResNet20, SEResNet50
from keras_senet.weights import INCEPTION

h5py = pytest.importorskip("h5py")

NETWORK = SEResNet50.replace(depths=(1, 1, 1, 1))
PLAIN = ResNet50.replace(depths=(1, 1, 1, 1))
SHAPE = {"input_shape": (32, 32, 3)}
IMAGES = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3)).astype("float32")
# All that timm's files change, and gates and pixels of their own.
OTHER = NETWORK.replace(
    stem_pool="pad",
    stride_in="3x3",
    se=SEConfig(divisor=8, gate="hard_sigmoid"),
    preprocessing=dataclasses.replace(INCEPTION, crop=0.95, interpolation="bicubic"),
    input_size=288,
)


def outputs(model, images=IMAGES):
    return keras.ops.convert_to_numpy(model(images, training=False))


def noisy(model):
    """Statistics and biases that are not those of a new network."""
    rng = np.random.default_rng(3)
    for weight in model.weights:
        if len(weight.shape) == 1:
            value = keras.ops.convert_to_numpy(weight) + rng.uniform(0.1, 0.4, weight.shape)
            weight.assign(value.astype("float32"))
    return model


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A model of another backbone than the default, in each of Keras' formats."""
    folder = tmp_path_factory.mktemp("files")
    model = noisy(OTHER(classes=7, **SHAPE))
    model.save_weights(folder / "x.weights.h5")
    model.save_weights(folder / "x.weights.json", max_shard_size=0.01)
    model.save(folder / "x.keras")
    return folder, outputs(model)


FORMATS = ("x.weights.h5", "x.weights.json", "x.keras")


@pytest.mark.at_first("x.keras")
@pytest.mark.parametrize("name", FORMATS)
def test_backbone_gates_pixels_and_view_come_from_the_file(name, files, caplog):
    folder, expected = files
    model = NETWORK(weights=folder / name, **SHAPE)
    np.testing.assert_array_equal(outputs(model), expected)
    layer = model.get_layer("preprocessing")
    assert (layer.size, layer.crop, layer.interpolation) == (288, 0.95, "bicubic")
    assert not caplog.records


@pytest.mark.at_first("x.keras")
@pytest.mark.parametrize("name", FORMATS)
def test_other_classes_leave_a_fresh_classifier(name, files, caplog):
    folder, _ = files
    with caplog.at_level(logging.WARNING, "keras_senet"):
        model = NETWORK(weights=folder / name, classes=3, **SHAPE)
    assert "has 7 classes, the model has 3" in caplog.text
    assert model.output_shape == (None, 3)
    source = keras.models.load_model(folder / "x.keras")
    for layer in source.layers:
        if layer.name != "head":
            for a, b in zip(
                layer.get_weights(), model.get_layer(layer.name).get_weights(), strict=True
            ):
                np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (SEResNet50, r"depths: \[1, 1, 1, 1\] in the file, \[3, 4, 6, 3\] here"),
        (PLAIN, "se: .* in the file, None here"),
        (NETWORK.replace(se=SEConfig(gate="tanh")), "se.gate: 'hard_sigmoid' in the file, 'tanh'"),
        (NETWORK.replace(stem_pool="avg"), "stem_pool: 'pad' in the file, 'avg' here"),
        (
            NETWORK.replace(preprocessing=keras_senet.weights.CAFFE),
            "normalizes its pixels otherwise.*mean",
        ),
        (SEResNet20, "family: 'ResNet' in the file, 'CifarResNet' here"),
        (SEResNet18.replace(depths=(1, 1, 1, 1)), "block: 'bottleneck' in the file, 'basic' here"),
    ],
)
def test_another_network_is_named(network, message, files):
    with pytest.raises(ValueError, match=message) as caught:
        network(weights=files[0] / "x.weights.h5", **SHAPE)
    assert len(str(caught.value)) < 600


# Fields that no shape of a weight tells, in each family.
HIDDEN = {
    "SEResNet18": [{"stem_pool": "pad"}, {"stem_pool": "avg"}, {"relu_before_se": True}],
    "SEResNet50": [{"stride_in": "3x3"}, {"stride_in": "pool"}, {"shortcut": "pool"}],
    "SEResNet20": [{}],
    "SEMobileNet": [{"activation": "relu6"}, {"padding": "same"}, {"epsilon": 1e-3}],
    "MobileNetV3Small": [{"padding": "torch", "epsilon": 1e-5}, {"activation": "relu"}],
    "SEShuffleNetV2x05": [{"stem_pool": "ceil"}],
    "SEBNInception": [{"conv_bias": True}],
    "SEVGG16": [{"conv_bias": True}],
}
DESIGNS = [
    {"gate": "tanh"},
    {"gate": "hard_sigmoid"},
    {"activation": "gelu"},
    {"squeeze": "max"},
    {"squeeze": "none"},
    {"placement": "pre"},
]


def changed_networks():
    for name, rows in HIDDEN.items():
        for row in rows:
            yield pytest.param(name, row, id=f"{name}-{'-'.join(row) or 'same'}")
    for design in DESIGNS:
        yield pytest.param(
            "SEResNet20", {"se": SEConfig(**design)}, id="-".join(map(str, design.values()))
        )


@pytest.mark.at_first("SEResNet20-same", "pre")
@pytest.mark.parametrize(("name", "changes"), list(changed_networks()))
def test_every_hidden_field_comes_back(name, changes, tmp_path):
    network = shallow(getattr(keras_senet, name))
    side = size(network)
    images = np.random.default_rng(1).integers(0, 256, (1, side, side, 3)).astype("float32")
    build = {"input_shape": (side, side, 3), "classes": 3}
    model = noisy(network.replace(**changes)(**build))
    model.save_weights(tmp_path / "x.weights.h5")
    again = network(weights=tmp_path / "x.weights.h5", **build)
    np.testing.assert_array_equal(outputs(again, images), outputs(model, images))
    other = network(**build)
    if changes and not {"conv_bias", "stride_in"} & changes.keys():
        with pytest.raises(ValueError):
            other.load_weights(tmp_path / "x.weights.h5")


def test_weights_of_another_design_into_a_model(files):
    model = OTHER.replace(se=SEConfig(divisor=8, gate="tanh"))(classes=7, **SHAPE)
    with pytest.raises(ValueError, match=r"se.gate: 'hard_sigmoid' in the file, 'tanh' here"):
        model.load_weights(files[0] / "x.weights.h5")
    with pytest.raises(ValueError, match=r"scale: .* in the file"):
        OTHER.replace(preprocessing=keras_senet.weights.CIFAR)(classes=7, **SHAPE).load_weights(
            files[0] / "x.weights.h5"
        )


def test_the_view_travels_with_the_weights(files):
    model = OTHER.replace(input_size=224)(classes=7, **SHAPE)
    model.load_weights(files[0] / "x.weights.h5")
    assert model.get_layer("preprocessing").size == 288


@pytest.mark.slow
def test_saved_and_cloned_models_still_say_what_they_are(files, tmp_path):
    folder, expected = files
    model = keras.models.load_model(folder / "x.keras")
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    clone.save_weights(tmp_path / "c.weights.h5")
    np.testing.assert_array_equal(
        outputs(NETWORK(weights=tmp_path / "c.weights.h5", **SHAPE)), expected
    )


@pytest.mark.at_first("n.keras")
@pytest.mark.parametrize("name", ["n.weights.h5", "n.keras"])
def test_a_network_inside_of_another_model(name, tmp_path, caplog):
    backbone = OTHER(include_top=False, pooling="avg", **SHAPE)
    model = keras.Sequential([keras.Input((32, 32, 3)), backbone, keras.layers.Dense(4)])
    noisy(model)
    (model.save if name.endswith(".keras") else model.save_weights)(tmp_path / name)
    again = NETWORK(weights=tmp_path / name, include_top=False, pooling="avg", **SHAPE)
    np.testing.assert_array_equal(outputs(again), outputs(backbone))
    with pytest.raises(ValueError, match=r"has no classifier. Pass `classes`"):
        NETWORK(weights=tmp_path / name)
    with caplog.at_level(logging.WARNING, "keras_senet"):
        assert NETWORK(weights=tmp_path / name, classes=4, **SHAPE).output_shape == (None, 4)
    assert "has no classifier, the model has 4" in caplog.text


@pytest.mark.slow
def test_parts_of_a_network(files, tmp_path, caplog):
    path = files[0] / "x.weights.h5"
    bare = NETWORK(weights=path, include_top=False, include_preprocessing=False, **SHAPE)
    assert len(NETWORK(weights=path, pyramid=True, **SHAPE).outputs) == 5
    source = keras.models.load_model(files[0] / "x.keras")
    x = keras.layers.Conv2D(3, 1)(keras.Input((32, 32, 3)))
    on_tensor = NETWORK(weights=path, input_tensor=x)
    for model in (bare, on_tensor):
        for layer in ("stem_conv", "stage5_block1_se"):
            for a, b in zip(
                model.get_layer(layer).get_weights(),
                source.get_layer(layer).get_weights(),
                strict=True,
            ):
                np.testing.assert_array_equal(a, b)
    bare.save_weights(tmp_path / "b.weights.h5")
    with caplog.at_level(logging.WARNING, "keras_senet"):
        NETWORK(weights=tmp_path / "b.weights.h5", classes=2, **SHAPE)
    assert "took normalized pixels" in caplog.text


@pytest.mark.slow
def test_added_se_is_no_plain_network(tmp_path):
    plain = PLAIN(classes=3, **SHAPE)
    path = tmp_path / "a.weights.h5"
    keras_senet.add_se(plain).save_weights(path)
    for network in (PLAIN, NETWORK):
        with pytest.raises(ValueError, match=r"added_se|se: None|add_se"):
            network(weights=path, classes=3, **SHAPE)
    with pytest.raises(ValueError, match="added_se"):
        plain.load_weights(path)
    with pytest.raises(ValueError, match="gate: 'sigmoid' in the file, 'tanh' here"):
        keras_senet.add_se(plain, SEConfig(gate="tanh")).load_weights(path)


def strip(path, names):
    def visit(_, item):
        for name in names:
            if name in item.attrs:
                del item.attrs[name]

    with h5py.File(path, "r+") as file:
        file.visititems(visit)


@pytest.mark.at_first("names1")
@pytest.mark.parametrize("names", [("keras_senet",), ("keras_senet", "name")])
def test_files_of_earlier_versions_load_and_say_what_is_assumed(names, tmp_path, caplog):
    path = tmp_path / "old.weights.h5"
    source = noisy(NETWORK(classes=7, **SHAPE))
    source.save_weights(path)
    strip(path, names)
    with caplog.at_level(logging.WARNING, "keras_senet"):
        model = NETWORK(weights=path, classes=7, **SHAPE)
    assert "stem_pool='ceil'" in caplog.text and len(caplog.records) == 1
    np.testing.assert_array_equal(outputs(model), outputs(source))
    caplog.clear()
    with caplog.at_level(logging.WARNING, "keras_senet"):
        NETWORK(classes=7, **SHAPE).load_weights(path)
    assert "stem_pool='ceil'" in caplog.text and len(caplog.records) == 1
    with pytest.raises(ValueError, match=r"left over|has the shapes|has no layer"):
        PLAIN(weights=path, classes=7, **SHAPE)


def test_a_whole_model_says_what_its_layers_do(tmp_path):
    def gelu(layer):
        if isinstance(layer, keras.layers.Activation):
            return keras.layers.Activation("gelu", name=layer.name)
        return type(layer).from_config(layer.get_config())

    model = keras.models.clone_model(NETWORK(classes=3, **SHAPE), clone_function=gelu)
    model.save(tmp_path / "x.keras")
    with pytest.raises(ValueError, match=r"stem.activation: 'gelu' in the file, 'relu' here"):
        NETWORK(weights=tmp_path / "x.keras", **SHAPE)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "call", "words"),
    [
        ("stage3_block1_add", lambda add, x: add([x[1], x[1]]), "stage3_block1_add reads"),
        ("stage3_block1_se", lambda se, x: se(se(x)), "stage3_block1_se reads"),
        (
            "stage3_block1_add",
            lambda add, x: add(x) + keras.ops.zeros_like(x[0]),
            None,  # of operations a warning says that they are left out
        ),
    ],
    ids=["no shortcut", "twice", "operation"],
)
def test_layers_that_are_connected_otherwise_are_another_network(
    name, call, words, tmp_path, caplog
):
    network = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
    model = network(classes=4, input_shape=(32, 32, 3))
    clone = keras.models.clone_model(
        model,
        call_function=lambda layer, *args, **kwargs: (
            call(layer, *args) if layer.name == name else layer(*args, **kwargs)
        ),
    )
    clone.save(tmp_path / "x.keras")
    if words is None:
        network(weights=tmp_path / "x.keras", classes=4)
        assert "left out" in caplog.text
        return
    with pytest.raises(ValueError, match=f"computes otherwise.*{words}"):
        network(weights=tmp_path / "x.keras", classes=4)


def test_a_file_of_others_is_refused_in_a_sentence(tmp_path):
    other = keras.Sequential([keras.Input((32, 32, 3))])
    for filters in range(1, 40):
        other.add(keras.layers.Conv2D(filters, 1))
    for name in ("o.weights.h5", "o.keras"):
        (other.save if name.endswith(".keras") else other.save_weights)(tmp_path / name)
        with pytest.raises(ValueError, match="no layer 'stem_conv'") as caught:
            NETWORK(weights=tmp_path / name, **SHAPE)
        assert len(str(caught.value)) < 600


def test_what_cannot_be_read(tmp_path):
    (tmp_path / "x.keras").write_bytes(b"no archive")
    (tmp_path / "x.weights.json").write_text(json.dumps({"weight_map": {"/a": "../secret.h5"}}))
    for name, message in (("x.keras", "not a file of"), ("x.weights.json", "no file beside it")):
        with pytest.raises(ValueError, match=message):
            NETWORK(weights=tmp_path / name)


def described(text, folder):
    """A model, and its weights file with another description of the network."""
    path = folder / "x.weights.h5"
    model = NETWORK(classes=3, **SHAPE)
    model.save_weights(path)
    with h5py.File(path, "r+") as file:
        file["layers/conv2d/vars"].attrs["keras_senet"] = text
    return model, path


def test_a_description_of_no_network_is_an_error(tmp_path):
    _, path = described('{"computation": {"family": 3}, "besides": {}}', tmp_path)
    with pytest.raises(ValueError, match=r"x\.weights\.h5 .*family: 3 in the file"):
        NETWORK(weights=path, **SHAPE)


@pytest.mark.at_first("text0")
@pytest.mark.parametrize("text", ["[" * 9999, "3"])
def test_a_broken_description_is_none(text, tmp_path, caplog):
    model, path = described(text, tmp_path)
    with caplog.at_level(logging.WARNING, "keras_senet"):
        again = NETWORK(weights=path, **SHAPE)
    assert "does not say of which network it is" in caplog.text
    np.testing.assert_array_equal(outputs(again), outputs(model))
