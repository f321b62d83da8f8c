"""Trunks of keras.applications as a start: identity at first, and the outputs of their networks."""

import keras
import numpy as np
import pytest
from golden.random_tensors import image
from weights import applications_files

import keras_senet
from keras_senet.layers import SqueezeExcitation
from keras_senet.weights import IMAGENET, RECORDS

pytest.importorskip("h5py")
ARGUMENTS = {"weights": None, "classifier_activation": None}


def randomized(model):
    """The model with weights that make every part matter, statistics included."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        values = []
        for weight in layer.weights:
            kind = weight.path.split("/")[-1]
            if kind in ("gamma", "moving_variance"):
                weak = 0.3 if layer.name.endswith(("_3_bn", "project_bn")) else 1
                values.append(weak * rng.uniform(0.5, 1.5, weight.shape))
            elif len(weight.shape) < 2:
                values.append(rng.normal(0, 0.1, weight.shape))
            else:
                depthwise = weight.shape[-1] == 1
                fan_in = np.prod(weight.shape[:2] if depthwise else weight.shape[:-1])
                values.append(rng.normal(0, np.sqrt(2 / fan_in), weight.shape))
        layer.set_weights(values)
    return model


def outputs(model, pixels):
    return keras.ops.convert_to_numpy(model(pixels, training=False))[0]


# name, network of theirs, ours with and without SE, preprocessing of theirs, image
CASES = {
    "resnet50": ("ResNet50", keras_senet.SEResNet50, keras_senet.ResNet50, "resnet", 64),
    "mobilenet": ("MobileNet", keras_senet.SEMobileNet, keras_senet.MobileNet, "mobilenet", 64),
    "vgg16": ("VGG16", keras_senet.SEVGG16, keras_senet.VGG16, "vgg16", 224),
    "inception_resnet_v2": (
        "InceptionResNetV2",
        keras_senet.SEInceptionResNetV2,
        keras_senet.InceptionResNetV2,
        "inception_resnet_v2",
        139,
    ),
}


@pytest.mark.at_first("mobilenet")
@pytest.mark.parametrize("name", CASES)
def test_se_starts_as_the_plain_network(name, tmp_path):
    theirs, network, plain, module, size = CASES[name]
    # MobileNet's class takes sizes of its own files only, where a classifier of 1000 is asked.
    model = randomized(
        getattr(keras.applications, theirs)(input_shape=(size, size, 3), **ARGUMENTS)
    )
    path = tmp_path / "x.h5"
    applications_files.write(model, path)
    pixels = image(size)
    preprocess = getattr(keras.applications, module).preprocess_input
    expected = outputs(model, preprocess(pixels.copy())).reshape(-1)

    arguments = {"weights": path, "input_shape": (size, size, 3), "classifier_activation": None}
    without, with_se = plain(**arguments), network(**arguments)
    ours = outputs(without, pixels)
    np.testing.assert_array_equal(outputs(with_se, pixels), ours)  # bit by bit
    gates = [layer for layer in with_se.layers if isinstance(layer, SqueezeExcitation)]
    assert gates and all(np.abs(layer.reduce.kernel).max() > 0 for layer in gates)

    error = np.abs(ours - expected).max() / np.abs(expected).max()
    print(name, "against keras.applications", error)
    assert error <= 1e-4


@pytest.mark.at_first("MobileNetV3Small")
@pytest.mark.parametrize("name", ["MobileNetV3Large", "MobileNetV3Small"])
def test_mobilenet_v3(name, tmp_path):
    model = randomized(getattr(keras.applications, name)((64, 64, 3), **ARGUMENTS))
    path = tmp_path / "x.h5"
    applications_files.write(model, path)
    ours = getattr(keras_senet, name)(
        weights=path, input_shape=(64, 64, 3), classifier_activation=None
    )
    expected = outputs(model, image(64)).reshape(-1)
    error = np.abs(outputs(ours, image(64)) - expected).max() / np.abs(expected).max()
    assert error <= 1e-4


def efficient(name, size):
    """A network of keras.applications that normalizes pixels as its published files do."""
    model = getattr(keras.applications, name)(input_shape=(size, size, 3), **ARGUMENTS)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization) and layer.weights:
            statistics = layer
            break
    else:
        return randomized(model)
    randomized(model)
    mean, std = np.array(IMAGENET.mean), np.array(IMAGENET.std)
    statistics.set_weights([mean, std**2, np.array(0)])
    statistics.finalize_state()
    return model


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size", "bound"),
    [
        ("EfficientNetB0", 64, 1e-5),
        ("EfficientNetV2B0", 65, 1e-5),
        ("EfficientNetB0", 65, 1e-5),
        ("EfficientNetB2", 97, 1e-5),
        ("EfficientNetV2B3", 96, 1e-5),
        ("EfficientNetV2S", 97, 1e-5),
        # Sums of 57 units grow to 200, and errors of float32 with them, from unit to unit.
        ("EfficientNetV2M", 64, 1e-4),
    ],
)
def test_efficientnet(name, size, bound, tmp_path):
    model = efficient(name, size)
    path = tmp_path / "x.h5"
    applications_files.write(model, path)
    ours = getattr(keras_senet, name)(
        weights=path, input_shape=(size, size, 3), classifier_activation=None
    )
    expected = outputs(model, image(size)).reshape(-1)
    error = np.abs(outputs(ours, image(size)) - expected).max() / np.abs(expected).max()
    print(name, size, "against keras.applications", error)
    assert error <= bound


@pytest.mark.slow
def test_efficientnet_normalizes_as_its_file(tmp_path):
    """The published files have deviations where the layer expects variances; others are refused."""
    network = keras_senet.EfficientNetB0
    model = efficient("EfficientNetB0", 32)
    statistics = next(x for x in model.layers if isinstance(x, keras.layers.Normalization))
    path = tmp_path / "x.h5"
    for variance, is_known in ((IMAGENET.std, True), ((1.0, 1.0, 1.0), False)):
        statistics.set_weights([np.array(IMAGENET.mean), np.array(variance), np.array(0)])
        applications_files.write(model, path)
        if is_known:
            assert network(weights=path, input_shape=(32, 32, 3)).name == network.name
            continue
        with pytest.raises(ValueError, match="normalizes pixels by statistics of its own"):
            network(weights=path, input_shape=(32, 32, 3))


def test_the_hashes_are_those_of_keras():
    from keras.src.applications import efficientnet, efficientnet_v2, mobilenet_v3, resnet

    hashes = {f"keras/{name}": pair[0] for name, pair in resnet.WEIGHTS_HASHES.items()}
    for size in ("large", "small"):
        for kind, mark in (("", ""), ("_minimalistic", "_minimalistic")):
            file = f"{size}{mark}_224_1.0_float"
            hashes[f"keras/mobilenet_v3_{size}{kind}"] = mobilenet_v3.WEIGHTS_HASHES[file][0]
    for version, module in (("", efficientnet), ("_v2", efficientnet_v2)):
        for kind, pair in module.WEIGHTS_HASHES.items():
            hashes[f"keras/efficientnet{version}_{kind.strip('-')}"] = pair[0]
    compared = [record for record in RECORDS if record.name in hashes]
    assert len(compared) == 22
    for record in compared:
        assert record.checksum == f"md5:{hashes[record.name]}"
