"""Feature maps: their sizes at even, odd and open image sizes, and the pixels of VGG's windows."""

import math

import keras
import numpy as np
import pytest
from small import KINDS, KINDS_HERE, shallow

import keras_senet


def expected_sizes(kind, side):
    """Sizes of the feature maps of an image of this side, finest first."""
    if kind == "inception_resnet":  # convolutions and pooling without padding
        stem = (side - 3) // 2 + 1 - 2
        second = (stem - 3) // 2 + 1 - 2
        third = (second - 3) // 2 + 1
        fourth = (third - 3) // 2 + 1
        fifth = (fourth - 3) // 2 + 1
        return [stem, second, third, fourth, fifth]
    if kind == "vgg":  # pooling without padding
        return [side // 2**power for power in range(6)]
    if kind.startswith(("cifar", "wide", "preresnet")):
        return [math.ceil(side / 2**power) for power in range(3)]
    stem = math.ceil(side / 2)
    second = math.ceil((stem - 3) / 2) + 1  # Caffe's pooling: no padding, rounded up
    if kind in ("resnet", "resnext", "senet154", "basic", "resnet_d"):
        return [stem, *(math.ceil(second / 2**power) for power in range(4))]
    if kind == "bn_inception":
        third = math.ceil((second - 3) / 2) + 1
        return [stem, second, third, math.ceil(third / 2), math.ceil(math.ceil(third / 2) / 2)]
    return [math.ceil(side / 2**power) for power in range(1, 6)]


@pytest.mark.at_first(every=4)
@pytest.mark.parametrize("kind", KINDS_HERE)
@pytest.mark.parametrize("sides", [(96, 96), (101, 79), (None, None)])
def test_strides_and_pyramid_at_even_and_odd_sizes(kind, sides, only_shapes):
    network = KINDS[kind]
    features = network(pyramid=True, input_shape=(*sides, 3)).output
    assert list(features) == list(network.feature_names)
    assert [x._keras_history.operation.name for x in features.values()] == list(features)
    if None in sides:
        return
    found = [tuple(feature.shape[1:3]) for feature in features.values()]
    expected = zip(*(expected_sizes(kind, side) for side in sides), strict=True)
    assert found == list(expected)
    assert network.feature_sizes(*sides) == tuple(found)


@pytest.mark.parametrize("kind", KINDS)
def test_strides_are_those_of_large_images(kind):
    """A map is one pixel larger for each stride that the image is; the last of a stride counts."""
    network = KINDS[kind]
    before, after = (
        [height for height, _ in network.feature_sizes(side, 1024)] for side in (1024, 2048)
    )
    assert len(before) == len(network.feature_names) == len(network.feature_strides)
    pairs = zip(before, after, strict=True)
    assert [1024 // (more - less) for less, more in pairs] == list(network.feature_strides)


@pytest.mark.parametrize("kind", ["resnet_d", "cifar", "regnet"])
def test_pyramid_by_levels(kind, only_shapes):
    network = KINDS[kind]
    first = 0 if kind == "cifar" else 1
    named, levels = (network(pyramid=keys, input_shape=(64, 64, 3)) for keys in (True, "levels"))
    strides = dict(zip(network.feature_names, network.feature_strides, strict=True))
    assert list(levels.output) == [f"P{first + i}" for i in range(len(strides))]
    for (level, ours), (name, same) in zip(
        levels.output.items(), named.output.items(), strict=True
    ):
        assert ours.shape == same.shape == (None, *2 * (64 // 2 ** int(level[1:]),), ours.shape[-1])
        assert ours._keras_history.operation.name == name == network.feature_levels[level]
        assert strides[name] == 2 ** int(level[1:])


@pytest.mark.at_first("regnet", "preresnet")
@pytest.mark.parametrize("kind", KINDS_HERE)
def test_any_size_with_the_same_weights(kind):
    """A model of open size computes what one of a fixed, odd size does."""
    if kind == "vgg":
        pytest.skip("the first fully connected layer is as large as the map below 224 pixels")
    network = KINDS[kind]
    fixed = network(input_shape=(101, 95, 3), classes=5)
    network_of_any_size = network(input_shape=(None, None, 3), classes=5)
    network_of_any_size.set_weights(fixed.get_weights())
    x = np.random.default_rng(0).integers(0, 256, (1, 101, 95, 3)).astype("float32")
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(fixed(x)),
        keras.ops.convert_to_numpy(network_of_any_size(x)),
        atol=1e-6,
    )


@pytest.mark.slow
def test_vgg_slides_over_larger_images():
    """At 224 pixels the network of the paper; at 256 the average over its 2 x 2 views."""
    network = shallow(keras_senet.SEVGG16).replace(se=None)
    model = network(input_shape=(None, None, 3), classes=5, classifier_activation=None)
    x = np.random.default_rng(0).integers(0, 256, (1, 256, 256, 3)).astype("float32")
    backbone = keras.Model(model.input, model.get_layer("stage5_pool").output)
    features = keras.ops.convert_to_numpy(backbone(x))
    views = [features[:, i : i + 7, j : j + 7] for i in (0, 1) for j in (0, 1)]
    hidden = [model.get_layer(f"head_conv{i}").get_weights() for i in (1, 2)]
    kernel, bias = model.get_layer("head").get_weights()
    scores = []
    for view in views:
        y = view.reshape(1, -1)
        for weights in hidden:
            y = np.maximum(y @ weights[0].reshape(-1, 4096) + weights[1], 0)
        scores.append(y @ kernel + bias)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(model(x)), np.mean(scores, 0), rtol=1e-4, atol=1e-4
    )
