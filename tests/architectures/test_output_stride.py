"""Dilation in place of strides: the maps and logits of timm 1.0.31 for the same weights."""

import gzip
import json
import pathlib

import keras
import numpy as np
import pytest
from golden.random_tensors import image, tensor
from small import KINDS, shallow

import keras_senet
from keras_senet import RegNetY002, ResNetRS50, SENet154, SEResNet18, SEResNet50, SEResNeXt50

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
SHAPES = json.loads(gzip.decompress((GOLDEN / "output_stride_tensors.json.gz").read_bytes()))
DEPTHS = {"depths": (1, 1, 2, 2)}
DEEP = {"stem": (32, 32, 64), "shortcut": "pool"}
AVERAGED = {"stride_in": "pool", "stem_pool": "avg"}
NETWORKS = {
    "dilated_seresnet": SEResNet50.replace(**DEPTHS),
    "dilated_basic": SEResNet18.replace(**DEPTHS),
    "dilated_seresnext_d": SEResNeXt50.replace(**DEPTHS, **DEEP),
    "dilated_seresnextaa_d": SEResNeXt50.replace(**DEPTHS, **DEEP, **AVERAGED),
    "dilated_senet154": SENet154.replace(**DEPTHS),
    "dilated_resnetrs": ResNetRS50.replace(**DEPTHS),
    "dilated_regnety": RegNetY002.replace(w0=24, wa=16.0, wm=1.4, depth=6, group=8),
}
SMALL = NETWORKS["dilated_regnety"]


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def weights_file(name, folder):
    path = folder / f"{name}.safetensors"
    values = {key: tensor(key, shape) for key, shape in SHAPES[name].items()}
    pytest.importorskip("safetensors.numpy").save_file(values, path)
    return path


@pytest.mark.at_first("dilated_basic")
@pytest.mark.parametrize("name", NETWORKS)
def test_maps_and_logits_of_timm(name, tmp_path):
    path, golden = weights_file(name, tmp_path), np.load(GOLDEN / "output_stride.npz")
    errors = {}
    for stride in (8, 16, 32):
        network = NETWORKS[name].replace(output_stride=stride)
        model = network(weights=path, input_shape=(None, None, 3), classifier_activation=None)
        last = model.get_layer(network.feature_names[-1]).output
        model = keras.Model(model.input, [model.output, last])
        for size in (64, 75):
            if f"{name}/{stride}/{size}/map" not in golden:
                continue
            logits, features = map(numpy, model(image(size)))
            for kind, found in (("logits", logits[0]), ("map", features[0].mean(-1))):
                expected = golden[f"{name}/{stride}/{size}/{kind}"]
                assert found.shape == expected.shape
                errors[stride, size, kind] = np.abs(found - expected).max() / np.abs(expected).max()
    print(name, errors)
    assert len(errors) == (6 if "aa" in name else 12)
    assert max(errors.values()) <= 1e-5


@pytest.mark.at_first("dilated_regnety")
@pytest.mark.parametrize("name", ["dilated_seresnextaa_d", "dilated_senet154", "dilated_regnety"])
def test_strides_levels_and_sizes(name, only_shapes):
    for stride, levels in ((8, ["P1", "P2", "P3"]), (16, ["P1", "P2", "P3", "P4"])):
        network = NETWORKS[name].replace(output_stride=stride)
        assert network.feature_strides == tuple(min(stride, 2**i) for i in range(1, 6))
        for sides in ((75, 78), (64, 96)):
            model = network(pyramid=True, input_shape=(*sides, 3))
            found = tuple(tuple(x.shape[1:3]) for x in model.output.values())
            assert found == network.feature_sizes(*sides)
        last = network(pyramid="levels").output
        assert list(last) == levels
        assert last[levels[-1]]._keras_history.operation.name == network.feature_names[-1]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["keras", "weights.h5", "safetensors"])
def test_files_of_either_stride(kind, tmp_path, caplog):
    """A stride that is given counts; where none is, the file's does."""
    plain = SMALL(classes=3, input_shape=(64, 64, 3))
    dilated = SMALL.replace(output_stride=8)(classes=3, input_shape=(64, 64, 3))
    dilated.set_weights(plain.get_weights())
    paths = [tmp_path / f"{name}.{kind}" for name in ("plain", "dilated")]
    for path, model in zip(paths, (plain, dilated), strict=True):
        if kind == "keras":
            model.save(path)
        elif kind == "weights.h5":
            model.save_weights(path)
        else:
            keras_senet.export_weights(model, path, layout="keras_senet")
    x = image(64)
    expected = numpy(dilated(x))
    assert np.abs(expected - numpy(plain(x))).max() > 1e-6
    asked = SMALL.replace(output_stride=8)(weights=paths[0], input_shape=(64, 64, 3))
    np.testing.assert_array_equal(numpy(asked(x)), expected)
    default = SMALL(weights=paths[1], input_shape=(64, 64, 3))
    np.testing.assert_array_equal(numpy(default(x)), expected)
    assert "decides output_stride=8" in caplog.text and "replace(output_stride=8)" in caplog.text
    caplog.clear()
    back = SMALL.replace(output_stride=32)(weights=paths[1], input_shape=(64, 64, 3))
    np.testing.assert_array_equal(numpy(back(x)), numpy(plain(x)))
    assert caplog.text == ""
    other = SMALL.replace(output_stride=16)(weights=paths[1], input_shape=(64, 64, 3))
    assert np.abs(numpy(other(x)) - expected).max() > 1e-6
    if kind == "weights.h5":
        with pytest.raises(ValueError, match="output_stride: 8 in the file, 32 here"):
            plain.load_weights(paths[1])
    pyramid = SMALL.replace(output_stride=8)(weights=paths[0], include_top=False, pyramid="levels")
    trunk = keras.Model(dilated.input, dilated.get_layer(SMALL.feature_names[-1]).output)
    np.testing.assert_array_equal(numpy(pyramid(x)["P3"]), numpy(trunk(x)))


def test_what_is_no_output_stride():
    with pytest.raises(ValueError, match=r"`output_stride` must be one of \(None, 8, 16, 32\)"):
        SMALL.replace(output_stride=4)
    with pytest.raises(ValueError, match=r"MobileNetV3 has no field 'output_stride'\. ResNet and"):
        keras_senet.MobileNetV3Large.replace(output_stride=16)
    with pytest.raises(ValueError, match="`pyramid` must be True, False or 'levels'"):
        SMALL(pyramid="P3")


def test_timm_has_no_file_of_another_stride(tmp_path):
    pytest.importorskip("safetensors")
    model = SMALL.replace(output_stride=8)(classes=3)
    with pytest.raises(ValueError, match="output_stride 32"):
        keras_senet.export_weights(model, tmp_path / "x.safetensors", layout="timm")


@pytest.mark.at_first("regnet")
@pytest.mark.parametrize("kind", ["resnext", "regnet"])
def test_dilated_groups_are_keras_own_convolutions_and_train(kind):
    """A dilated grouped convolution, by Keras' ungrouped one on each group."""
    x = np.random.default_rng(0).normal(size=(2, 9, 9, 8)).astype("float32")
    layer = keras_senet.layers.Conv2D(8, 3, padding="same", dilation_rate=2, groups=4)
    single = [keras.layers.Conv2D(2, 3, padding="same", dilation_rate=2) for _ in range(4)]
    layer.build(x.shape)
    for group, one in enumerate(single):
        one.build((2, 9, 9, 2))
        one.set_weights([numpy(w)[..., 2 * group : 2 * group + 2] for w in layer.weights])
    parts = keras.ops.split(x, 4, -1)
    expected = np.concatenate([numpy(c(y)) for c, y in zip(single, parts, strict=True)], -1)
    np.testing.assert_allclose(numpy(layer(x)), expected, atol=1e-5)
    network = shallow(KINDS[kind]).replace(output_stride=8)
    model = network(include_top=False, pooling="avg", input_shape=(64, 64, 3))
    model.compile("sgd", "mse")
    target = np.zeros((1, model.output_shape[-1]), "float32")
    assert np.isfinite(model.train_on_batch(image(64), target))
