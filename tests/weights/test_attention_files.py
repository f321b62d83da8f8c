"""Files of networks with ECA, eSE, scSE, SE or none never load into one of another design."""

import itertools
import json
import logging

import keras
import numpy as np
import pytest
from backends import on_tensorflow

import keras_senet
from keras_senet import ECAConfig, ESEConfig, SCSEConfig, SEConfig
from keras_senet.layers import facts

pytest.importorskip("safetensors")

NETWORK = keras_senet.SEResNet20.replace(depths=(1, 1, 1), classes=3)
DESIGNS = {
    "none": None,
    "se": SEConfig(),
    "eca": ECAConfig(),
    "eca_tanh": ECAConfig(gate="tanh"),
    "ese": ESEConfig(),
    "scse": SCSEConfig(),
    "scse_max": SCSEConfig(combination="max"),
}
SUFFIXES = (".safetensors", ".keras", ".weights.h5")
IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 16, 16, 3)).astype("float32")
# Each pair in one format; the other formats of a pair are slow, all together.
PAIRS = [
    pytest.param(*pair, suffix, marks=() if number % 3 == turn else pytest.mark.slow)
    for number, pair in enumerate(itertools.permutations(DESIGNS, 2))
    for turn, suffix in enumerate(SUFFIXES)
]


def network(design):
    return NETWORK.replace(se=DESIGNS[design])


def outputs(model):
    return keras.ops.convert_to_numpy(model(IMAGES))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Folder with a file of each design in each format, and the outputs of its model."""
    folder, expected = tmp_path_factory.mktemp("files"), {}
    for seed, name in enumerate(DESIGNS):
        keras.utils.set_random_seed(seed)
        model = network(name)(input_shape=(16, 16, 3))
        expected[name] = outputs(model)
        keras_senet.export_weights(model, folder / f"{name}.safetensors", layout="keras_senet")
        model.save(folder / f"{name}.keras")
        model.save_weights(folder / f"{name}.weights.h5")
    return folder, expected


@pytest.mark.at_first(every=9)
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", DESIGNS)
def test_the_same_design_comes_back(name, suffix, files):
    folder, expected = files
    model = network(name)(weights=folder / f"{name}{suffix}", input_shape=(16, 16, 3))
    np.testing.assert_array_equal(outputs(model), expected[name])


@pytest.mark.at_first(every=3)
@pytest.mark.parametrize("name", DESIGNS)
def test_saved_models_load(name, files):
    folder, expected = files
    model = keras.saving.load_model(folder / f"{name}.keras")
    np.testing.assert_array_equal(outputs(model), expected[name])


@on_tensorflow
@pytest.mark.parametrize(("written", "read", "suffix"), PAIRS)
def test_another_design_is_refused(written, read, suffix, files):
    with pytest.raises(ValueError, match=r"se|SE"):
        network(read)(weights=files[0] / f"{written}{suffix}", input_shape=(16, 16, 3))


@pytest.mark.at_first(every=7)
@on_tensorflow
@pytest.mark.parametrize("read", DESIGNS)
def test_load_weights_of_keras_refuses_another_design(read, files):
    model = network(read)(input_shape=(16, 16, 3))
    for written in DESIGNS.keys() - {read}:
        with pytest.raises(ValueError, match="a network that computes otherwise"):
            model.load_weights(files[0] / f"{written}.weights.h5")


def test_a_message_names_both_designs(files):
    with pytest.raises(ValueError, match="design: 'ECAConfig' in the file, 'SEConfig' here"):
        NETWORK(weights=files[0] / "eca.safetensors", input_shape=(16, 16, 3))


def test_descriptions_of_earlier_versions_are_of_se():
    text = json.dumps({"computation": {"se": {"gate": "sigmoid"}, "added_se": None}})
    assert facts.parse(text)["computation"]["se"] == {"design": "SEConfig", "gate": "sigmoid"}
    assert facts.parse(text)["computation"]["added_se"] is None


def without_design(path, target):
    """A copy of an exported file as earlier versions wrote it."""
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    with safe_open(path, "numpy") as file:
        description = json.loads(file.metadata()["keras_senet"])
    tensors = load_file(path)
    del description["computation"]["se"]["design"]
    save_file(tensors, target, metadata={"keras_senet": json.dumps(description)})
    return target


def test_files_of_earlier_versions(files, tmp_path):
    path = without_design(files[0] / "se.safetensors", tmp_path / "earlier.safetensors")
    model = NETWORK(weights=path, input_shape=(16, 16, 3))
    np.testing.assert_array_equal(outputs(model), files[1]["se"])
    with pytest.raises(ValueError, match="design: 'SEConfig' in the file, 'ECAConfig' here"):
        network("eca")(weights=path, input_shape=(16, 16, 3))


@on_tensorflow
def test_stages_and_widths_of_eca(tmp_path, caplog):
    eca = NETWORK.replace(se=ECAConfig(kernel_size=5, stages=(3,)))
    eca(input_shape=(16, 16, 3)).save(tmp_path / "m.keras")
    with caplog.at_level(logging.WARNING):
        eca(weights=tmp_path / "m.keras", input_shape=(16, 16, 3))
    assert not caplog.records
    for se in (ECAConfig(stages=(3,)), ECAConfig(kernel_size=5)):
        with pytest.raises(ValueError, match=r"stages|shapes"):
            NETWORK.replace(se=se)(weights=tmp_path / "m.keras", input_shape=(16, 16, 3))


@on_tensorflow
def test_added_designs_are_told_apart(tmp_path):
    plain = NETWORK.replace(se=None)(input_shape=(16, 16, 3))
    for name in ("eca", "ese"):
        added = keras_senet.add_se(plain, DESIGNS[name])
        added.save_weights(tmp_path / f"{name}.weights.h5")
    other = keras_senet.add_se(plain, SEConfig())
    with pytest.raises(ValueError, match=r"added_se\.design: 'ECAConfig' in the file, 'SEConfig'"):
        other.load_weights(tmp_path / "eca.weights.h5")
    added.load_weights(tmp_path / "ese.weights.h5")


@pytest.mark.at_first(every=3)
@on_tensorflow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"se": SCSEConfig()}, "SE design 'SEConfig'"),
        ({"se": ECAConfig(gate="tanh")}, "ECAConfig gate 'sigmoid'"),
        ({"se": ECAConfig(kernel_size=9)}, "kernel_size of ECA"),
        ({"se": ESEConfig(gate="sigmoid")}, "ESEConfig gate 'hard_sigmoid'"),
        ({"se": ECAConfig(placement="pre")}, "ECAConfig placement 'standard'"),
        ({"se": ECAConfig(stages=(3,))}, "in all 4 units"),
        ({"se": ECAConfig(), "stem_pool": "ceil", "stride_in": "1x1"}, "SE design 'SEConfig'"),
    ],
)
def test_what_timm_lacks_is_refused(change, message, tmp_path):
    pytorch = {"stem_pool": "pad", "stride_in": "3x3"}
    network = keras_senet.SEResNet50.replace(depths=(1, 1, 1, 1), **pytorch | change)
    with pytest.raises(ValueError, match=message):
        keras_senet.export_weights(network(classes=5), tmp_path / "x.safetensors")


@pytest.mark.slow
@on_tensorflow
def test_files_in_timms_layout_are_told_apart_by_their_tensors(tmp_path):
    deep = {"depths": (1, 1, 1, 1), "stem_pool": "pad", "stride_in": "3x3", "classes": 5}
    networks = {
        name: keras_senet.SEResNet50.replace(se=se, **deep)
        for name, se in {
            "none": None, "se": SEConfig(divisor=8), "eca": ECAConfig(), "ese": ESEConfig(),
        }.items()
    }  # fmt: skip
    for name, one in networks.items():
        keras_senet.export_weights(one(), tmp_path / f"{name}.safetensors")
    for written, read in itertools.permutations(networks, 2):
        with pytest.raises(ValueError, match=r"has no tensor|left over"):
            networks[read](weights=tmp_path / f"{written}.safetensors")


def test_a_file_of_a_variant_says_which(tmp_path):
    """The path of a ResNet-D's file, with the network that becomes one by its fields."""
    network = keras_senet.ECAResNet50.replace(depths=(1, 1, 1, 1))
    variant = network.replace(stem=(24, 32, 64), shortcut="pool", stem_pool="pad", stride_in="3x3")
    path = tmp_path / "ecaresnet50t.safetensors"
    keras_senet.export_weights(variant(classes=4, input_shape=(32, 32, 3)), path)
    said = r'replace\(shortcut="pool", stem=\(32, 32, 64\), or \(24, 32, 64\) where timm says'
    with pytest.raises(ValueError, match=said):
        network(weights=path)
    network.replace(stem=(24, 32, 64), shortcut="pool")(weights=path, input_shape=(32, 32, 3))
