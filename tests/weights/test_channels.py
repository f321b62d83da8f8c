"""RGB weights for images of other channels: timm's formula by hand, and grey images as RGB."""

import dataclasses

import keras
import numpy as np
import pytest
from weights.reference_files import CIFAR, SMALL, weights_file

import keras_senet
from keras_senet.weights.layouts import caffe
from keras_senet.weights.preprocessing import CAFFE, IMAGENET, INCEPTION
from keras_senet.weights.public_weights import PublicWeights

safetensors = pytest.importorskip("safetensors.numpy")
NETWORKS = {
    "small_seresnet": SMALL["small_seresnet"],
    "small_seresnext_d": SMALL["small_seresnext_d"],
    "small_legacy_seresnet": SMALL["small_legacy_seresnet"],
    "seresnet20_cifar10": CIFAR["seresnet20_cifar10"],
    "mobilenet_wd4": SMALL["mobilenet_wd4"],
    "mobilenetv3_small_100": SMALL["mobilenetv3_small_100"],
}


def stem(model):
    layer = next(layer for layer in model.layers if layer.name in ("stem_conv", "stem_conv1"))
    return keras.ops.convert_to_numpy(layer.kernel)


def by_hand(kernel, channels):
    """timm's rule, for a kernel (height, width, 3, out)."""
    if channels == 1:
        return kernel[:, :, :1] + kernel[:, :, 1:2] + kernel[:, :, 2:]
    return np.concatenate([kernel] * channels, axis=2)[:, :, :channels] * 3 / channels


@pytest.mark.at_first(every=4)
@pytest.mark.parametrize("network", NETWORKS)
def test_stems(network, tmp_path):
    path, architecture = weights_file(network, tmp_path), NETWORKS[network]
    options = {"weights": path, "include_preprocessing": False, "classifier_activation": None}
    rgb = architecture(input_shape=(64, 64, 3), **options)
    for channels in (1, 2, 4, 7):
        model = architecture(input_tensor=keras.Input((64, 64, channels)), **options)
        np.testing.assert_allclose(stem(model), by_hand(stem(rgb), channels), rtol=1e-5, atol=1e-7)
        if channels == 1:
            x = np.random.default_rng(0).normal(size=(2, 64, 64, 1)).astype("float32")
            a, b = (keras.ops.convert_to_numpy(f) for f in (model(x), rgb(np.repeat(x, 3, -1))))
            np.testing.assert_allclose(a, b, atol=1e-4 * np.abs(b).max())


@pytest.mark.at_first("1")
@pytest.mark.parametrize("channels", [1, 4])
def test_pixels(channels, tmp_path):
    """All channels are normalized; with equal means and deviations a grey image is one in RGB."""
    path = weights_file("small_seresnet", tmp_path)
    network = SMALL["small_seresnet"].replace(preprocessing=INCEPTION)
    options = {"weights": path, "classifier_activation": None}
    model = network(input_shape=(64, 64, channels), **options)
    x = np.random.default_rng(0).integers(0, 256, (2, 64, 64, channels)).astype("float32")
    output = keras.ops.convert_to_numpy(model(x))
    if channels == 1:
        rgb = network(input_shape=(64, 64, 3), **options)
        expected = keras.ops.convert_to_numpy(rgb(np.repeat(x, 3, -1)))
    else:
        bare = network(input_shape=(64, 64, 4), include_preprocessing=False, **options)
        expected = keras.ops.convert_to_numpy(bare(x / 127.5 - 1))
    np.testing.assert_allclose(output, expected, atol=1e-4 * np.abs(expected).max())


def test_values_of_channels():
    assert IMAGENET.of_channels(3) is IMAGENET
    grey = IMAGENET.of_channels(1)
    np.testing.assert_allclose([*grey.mean, *grey.std], [1.347 / 3, 0.678 / 3])
    assert IMAGENET.of_channels(4).mean == (0.485, 0.456, 0.406, 0.485)
    assert CAFFE.of_channels(1).std == pytest.approx((1 / 255,))
    assert dataclasses.replace(IMAGENET, crop=0.9).of_channels(1).crop == 0.9


def test_bgr_files_are_repeated_as_rgb():
    kernel = np.random.default_rng(0).normal(size=(8, 3, 7, 7)).astype("float32")
    weights = object.__new__(PublicWeights)
    weights.layout, weights.path, weights.tensors = caffe.RESNET, "x", {"stem": kernel}
    found = weights.value("stem", (7, 7, 4, 8), is_stem=True)
    rgb = kernel[:, ::-1].transpose(2, 3, 1, 0)
    np.testing.assert_allclose(found, by_hand(rgb, 4), rtol=1e-6)


def test_files_of_other_channels(tmp_path):
    path = weights_file("small_seresnet", tmp_path)
    tensors = safetensors.load_file(path)
    tensors["conv1.weight"] = np.ascontiguousarray(tensors["conv1.weight"][:, :1])
    safetensors.save_file(tensors, path)
    network = SMALL["small_seresnet"]
    assert stem(network(weights=path, input_shape=(64, 64, 1))).shape[2] == 1
    with pytest.raises(ValueError, match=r"shape \(7, 7, 1, 64\).*Expected: \(7, 7, 3, 64\)"):
        network(weights=path, input_shape=(64, 64, 3))


@pytest.mark.at_first(every=5)
@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("name", ["x.keras", "x.weights.h5", "x.safetensors"])
def test_files_of_our_own(name, channels, tmp_path):
    network, path = CIFAR["seresnet20_cifar10"].replace(depths=(1, 1, 1)), tmp_path / name
    rgb = network(input_shape=(16, 16, 3), classes=5)
    if name == "x.keras":
        rgb.save(path)
    elif name == "x.weights.h5":
        rgb.save_weights(path)
    else:
        keras_senet.export_weights(rgb, path, layout="keras_senet")
    model = network(weights=path, input_shape=(16, 16, channels))
    np.testing.assert_allclose(stem(model), by_hand(stem(rgb), channels), rtol=1e-5, atol=1e-7)
    x = np.random.default_rng(0).integers(0, 256, (2, 16, 16, channels)).astype("float32")
    assert np.isfinite(keras.ops.convert_to_numpy(model(x))).all()
    np.testing.assert_array_equal(model.get_layer("head").get_weights()[0],
                                  rgb.get_layer("head").get_weights()[0])  # fmt: skip
