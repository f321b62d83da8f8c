"""What people pass as `weights`, and what files leave open: an answer, or what to do."""

import dataclasses
import json
import logging

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet import SEConfig, SEPreResNet20, SEResNet20, SEResNet50

safetensors = pytest.importorskip("safetensors.numpy")
NETWORK = SEResNet50.replace(depths=(1, 1, 1, 1))


@pytest.mark.parametrize(
    "weights",
    ["imagenet", "imagenet21k", "noisy-student", "seresnet50.a1_in1k", "", "x.npz", True, 3,
     "https://example.org/model.pth"],
)  # fmt: skip
def test_no_weight_set_lists_those_that_fit(weights):
    with pytest.raises(ValueError) as caught:
        SEResNet50(weights=weights)
    text = str(caught.value)
    best = ["timm/seresnet50.ra2_in1k", "timm/seresnet50.a1_in1k", "timm/legacy_seresnet50.in1k"]
    assert [text.index(name) for name in best] == sorted(text.index(name) for name in best)
    assert len(text) < 600


def test_where_none_fits_it_says_so():
    with pytest.raises(ValueError, match="No weight set fits se_preresnet20"):
        SEPreResNet20(weights="imagenet")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ValueError, match=r"folder .* model\.keras"):
        SEResNet50(weights=tmp_path)


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8])
def test_integers_of_numpy(kind, tmp_path):
    network = SEResNet20.replace(
        depths=(1, 1, 1), input_size=kind(32), se=SEConfig(reduction=kind(8), stages=(kind(3),))
    )
    model = network(input_shape=(kind(32), kind(32), kind(3)), classes=kind(7))
    assert model.output_shape == (None, 7)
    json.loads(model.to_json())
    model.save(tmp_path / "x.keras")
    assert network(weights=tmp_path / "x.keras").output_shape == (None, 7)
    layer = keras_senet.layers.SqueezeExcitation(reduction=kind(4), divisor=kind(8))
    assert json.dumps(layer.get_config()["reduction"]) == "4"
    for classes in (True, 7.0, kind(0)):
        with pytest.raises(ValueError, match="integer above 0"):
            network(classes=classes)


@pytest.fixture(scope="module")
def timm_file(tmp_path_factory):
    """A file in timm's layout, which says how pixels are normalized."""
    path = tmp_path_factory.mktemp("timm") / "x.safetensors"
    pixels = dataclasses.replace(keras_senet.weights.INCEPTION, crop=0.95)
    se = SEConfig(divisor=8)
    model = NETWORK.replace(
        se=se, stem_pool="pad", stride_in="3x3", preprocessing=pixels, input_size=288
    )(input_shape=(32, 32, 3), classes=5)
    keras_senet.export_weights(model, path)
    return path


def test_metadata_says_the_preprocessing(timm_file, caplog):
    layer = NETWORK(weights=timm_file).get_layer("preprocessing")
    np.testing.assert_allclose(layer.scale, 2 / 255, rtol=1e-6)
    assert (layer.size, layer.crop, layer.interpolation) == (288, 0.95, "bilinear")
    assert not caplog.records


def test_without_metadata_it_says_what_is_assumed(timm_file, tmp_path, caplog):
    safetensors.save_file(safetensors.load_file(timm_file), tmp_path / "x.safetensors")
    with caplog.at_level(logging.WARNING, "keras_senet"):
        NETWORK(weights=tmp_path / "x.safetensors")
    assert "mean (0.485, 0.456, 0.406)" in caplog.text
    assert len(caplog.records) == 1
    caplog.clear()
    NETWORK.replace(preprocessing=keras_senet.weights.INCEPTION)(weights=tmp_path / "x.safetensors")
    assert not caplog.records


@pytest.mark.slow
def test_a_backbone_alone_gets_a_new_classifier(timm_file, tmp_path, caplog):
    tensors = safetensors.load_file(timm_file)
    path = tmp_path / "x.safetensors"
    safetensors.save_file({k: v for k, v in tensors.items() if not k.startswith("fc.")}, path)
    with caplog.at_level(logging.WARNING, "keras_senet"):
        model = NETWORK(weights=path, classes=3)
    assert "has no classifier, the model has 3" in caplog.text
    np.testing.assert_array_equal(
        model.get_layer("stem_conv").get_weights()[0], tensors["conv1.weight"].transpose(2, 3, 1, 0)
    )
    with pytest.raises(ValueError, match=r"has no classifier. Pass `classes`"):
        NETWORK(weights=path)
    assert NETWORK(weights=path, include_top=False, pooling="avg").output_shape == (None, 2048)


@pytest.mark.slow
def test_both_backbones_of_mobilenet_v3_are_named(tmp_path, caplog):
    small = keras_senet.MobileNetV3Small
    torch = small.replace(padding="torch", epsilon=1e-5)
    path = tmp_path / "x.safetensors"
    keras_senet.export_weights(torch(input_shape=(32, 32, 3), classes=3), path)
    safetensors = pytest.importorskip("safetensors")
    with safetensors.safe_open(path, "numpy") as file:
        texts = {key: x for key, x in file.metadata().items() if key not in ("padding", "epsilon")}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    path.write_bytes(safetensors.numpy.save(tensors, metadata=texts))  # as timm's files: unsaid
    with caplog.at_level(logging.WARNING, "keras_senet"):
        small(weights=path, input_shape=(32, 32, 3))
    for word in ("padding='same'", 'padding="torch"', "epsilon=1e-5"):
        assert word in caplog.text
    caplog.clear()
    torch(weights=path, input_shape=(32, 32, 3))
    assert not caplog.records


def test_notop_files_of_keras_applications(tmp_path, caplog):
    h5py = pytest.importorskip("h5py")
    source = keras.applications.MobileNet(weights=None, include_top=False, input_shape=(32, 32, 3))
    path = tmp_path / "mobilenet_1_0_224_tf_no_top.h5"
    with h5py.File(path, "w") as file:
        for layer in source.layers:
            for weight in layer.weights:
                kind = weight.path.split("/")[-1]
                array = keras.ops.convert_to_numpy(weight)
                file[f"{layer.name}/{layer.name}/{kind}:0"] = array
    with caplog.at_level(logging.WARNING, "keras_senet"):
        model = keras_senet.MobileNet(weights=path, input_shape=(32, 32, 3), classes=3)
    assert "has no classifier, the model has 3" in caplog.text
    np.testing.assert_array_equal(
        model.get_layer("stem_conv").get_weights()[0], source.get_layer("conv1").get_weights()[0]
    )
