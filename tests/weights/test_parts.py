"""A file of a whole network also has the weights of its parts: features, and a pyramid of them."""

import dataclasses

import keras
import numpy as np
import pytest
from small import shape
from weights.reference_files import SMALL, tensors

import keras_senet

safetensors = pytest.importorskip("safetensors.numpy")
NETWORKS = {
    name: SMALL[name]
    for name in (
        "small_seresnet",
        "small_regnety",
        "small_tf_efficientnet",
        "small_efficientnetv2_rw",
        "mobilenetv3_small_050",
        "preresnet20_cifar10",
        "shufflenetv2_wd2_se",
    )
}
LAYOUTS = ("public", "own", "keras")


def write(whole, layout, name, folder):
    """A file of the whole network."""
    path = folder / ("x.keras" if layout == "keras" else "x.safetensors")
    if layout == "public":
        safetensors.save_file(tensors(name), path)
    elif layout == "own":
        keras_senet.export_weights(whole, path, layout="keras_senet")
    else:
        whole.save(path)
    return path


def outputs(model, images, names=()):
    found = model(images)
    found = [found[name] for name in names] if isinstance(found, dict) else [found]
    return [keras.ops.convert_to_numpy(one) for one in found]


@pytest.mark.at_first("small_regnety")
@pytest.mark.parametrize("name", NETWORKS)
def test_features_and_pyramids_are_those_of_the_whole(name, tmp_path, caplog):
    network = NETWORKS[name]
    safetensors.save_file(tensors(name), tmp_path / "x.safetensors")
    size = {"input_shape": shape(network)}
    whole = network(weights=tmp_path / "x.safetensors", **size)
    images = np.random.default_rng(0).integers(0, 256, (1, *size["input_shape"])).astype("float32")
    maps = keras.Model(whole.input, [whole.get_layer(n).output for n in network.feature_names])
    expected = [keras.ops.convert_to_numpy(one) for one in maps(images)]
    features = None
    for layout in LAYOUTS:
        path = write(whole, layout, name, tmp_path)
        caplog.clear()
        pyramid = network(weights=path, include_top=False, pyramid=True, **size)
        found = outputs(pyramid, images, network.feature_names)
        for ours, its in zip(found, expected, strict=True):
            np.testing.assert_array_equal(ours, its)
        (last,) = outputs(network(weights=path, include_top=False, pooling="avg", **size), images)
        features = last if features is None else features
        np.testing.assert_array_equal(last, features)
        assert "left out" not in caplog.text


TENSORFLOW = {"padding": "same", "epsilon": 1e-3}
PYTORCH = {"padding": "torch", "epsilon": 1e-5}
# The stages of `None`, said one by one.
ALL_STAGES = dataclasses.replace(keras_senet.EfficientNetB0.se, stages=tuple(range(1, 8)))


@pytest.mark.at_first(every=12)
@pytest.mark.parametrize(
    ("record", "name", "wrong"),
    [
        ("tf_efficientnet_b0.ap_in1k", "small_tf_efficientnet", PYTORCH),
        ("tf_efficientnet_b0.ap_in1k", "small_tf_efficientnet", {"activation": "relu"}),
        ("tf_efficientnet_b0.ap_in1k", "small_tf_efficientnet", {"se": ALL_STAGES}),
        ("efficientnet_b0.ra_in1k", "small_efficientnet", TENSORFLOW),
        ("efficientnetv2_rw_s.ra2_in1k", "small_efficientnetv2_rw", TENSORFLOW),
        ("semnasnet_100.rmsp_in1k", "small_semnasnet", TENSORFLOW | {"activation": "silu"}),
        ("mnasnet_small.lamb_in1k", "small_mnasnet", TENSORFLOW | {"activation": "silu"}),
        ("test_efficientnet.r160_in1k", "test_efficientnet", TENSORFLOW),
        ("tinynet_e.in1k", "tinynet_e", TENSORFLOW | {"activation": "relu"}),
        ("mobilenetv3_small_050.lamb_in1k", "mobilenetv3_small_050", TENSORFLOW),
        ("mobilenetv3_small_050.lamb_in1k", "mobilenetv3_small_050", {"activation": "relu"}),
        ("tf_mobilenetv3_small_100.in1k", "tf_mobilenetv3_small_100", PYTORCH),
    ],
)
def test_a_name_decides_what_no_tensor_shows(record, name, wrong, tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    safetensors.save_file(tensors(name), path)
    monkeypatch.setattr("keras_senet.weights.load.fetch", lambda record: path)
    network = SMALL[name]
    images = np.random.default_rng(0).integers(0, 256, (1, *shape(network))).astype("float32")
    call = {"include_top": False, "input_shape": shape(network)}
    loaded = [one(weights=f"timm/{record}", **call) for one in (network, network.replace(**wrong))]
    np.testing.assert_array_equal(*(outputs(model, images)[0] for model in loaded))


def test_relu_in_se_of_all_stages_is_no_mnasnet(tmp_path):
    path = tmp_path / "model.safetensors"
    safetensors.save_file(tensors("small_tf_efficientnet"), path)
    relu = dataclasses.replace(ALL_STAGES, activation="relu")
    with pytest.raises(ValueError, match=r"were trained with SEConfig.*activation='silu'"):
        SMALL["small_tf_efficientnet"].replace(se=relu)(weights=path)
