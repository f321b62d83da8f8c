"""RegNet and ResNet-RS: published parameters, widths, what is refused, classifiers of others."""

import json
import logging
import math
import pathlib

import keras
import numpy as np
import pytest
from backends import on_tensorflow
from weights.reference_files import SMALL, tensors, weights_file

import keras_senet
from keras_senet import SEConfig

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
PARAMETERS = json.loads((GOLDEN / "parameters.json").read_text())
SMALL_Y = SMALL["small_regnety"]


def parameters(model):
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def regnet(name):
    """The value of timm's name, as `"regnety_008_tv"` or `"resnetrs50"`."""
    name = name.replace("regnet", "RegNet").replace("resnetrs", "ResNetRS").replace("_tv", "TV")
    return getattr(keras_senet, name.replace("tx_", "tX").replace("ty_", "tY"))


def counted(network):
    """Parameters of a RegNet from its depths and widths alone."""
    total, entering = 27 * 32 + 2 * 32, 32
    for depth, width in zip(network.depths, network.widths, strict=True):
        total += entering * width + 2 * width  # the shortcut of the first unit
        for _ in range(depth):
            total += entering * width + 9 * width * min(network.group, width) + width**2
            total += 3 * 2 * width  # normalizations
            if network.se is not None:
                total += 2 * width * (entering // 4) + width + entering // 4
            entering = width
    return total + entering * 1000 + 1000


@pytest.mark.parametrize("name", PARAMETERS["regnet"])
def test_parameters_of_regnets_by_their_widths(name):
    if name.startswith("regnet"):
        assert counted(regnet(name)) == PARAMETERS["regnet"][name]


BUILT = [name for name, count in PARAMETERS["regnet"].items() if count < 1e8]


@on_tensorflow
@pytest.mark.at_first("regnety_002", "regnety_008_tv", "regnetx_002", "resnetrs50")
@pytest.mark.parametrize("name", BUILT)
def test_parameters_of_regnets_and_resnet_rs(name, only_shapes):
    assert parameters(regnet(name)()) == PARAMETERS["regnet"][name]


@on_tensorflow
@pytest.mark.parametrize("name", ["resnetrs270", "resnetrs350", "resnetrs420"])
def test_parameters_of_deep_resnet_rs(name, only_shapes):
    """A unit more in a stage adds what a unit of that stage has."""
    network = regnet(name)
    base = parameters(keras_senet.ResNetRS50())
    units = (
        4 * width * width * 2 + 9 * width * width + 12 * width + 2 * 4 * width * width + 5 * width
        for width in (64, 128, 256, 512)
    )
    more = zip(network.depths, keras_senet.ResNetRS50.depths, units, strict=True)
    assert (
        base + sum((ours - small) * unit for ours, small, unit in more)
        == (PARAMETERS["regnet"][name])
    )


@pytest.mark.parametrize(
    ("name", "depths", "widths"),
    [
        ("RegNetY002", (1, 1, 4, 7), (24, 56, 152, 368)),
        ("RegNetY008", (1, 3, 8, 2), (64, 128, 320, 768)),
        ("RegNetY008TV", (1, 3, 8, 2), (64, 144, 320, 784)),
        ("RegNetY016", (2, 6, 17, 2), (48, 120, 336, 888)),
        ("RegNetY080", (2, 4, 10, 1), (168, 448, 896, 2016)),
        ("RegNetY080TV", (2, 4, 10, 1), (224, 448, 896, 2016)),
        ("RegNetY320", (2, 5, 12, 1), (232, 696, 1392, 3712)),
    ],
)
def test_depths_and_widths_of_the_papers_table(name, depths, widths):
    network = getattr(keras_senet, name)
    assert (network.depths, network.widths) == (depths, widths)


def outputs(model):
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype("float32")
    return keras.ops.convert_to_numpy(model(images))


def test_a_file_of_other_classes_leaves_the_classifier_new(tmp_path, caplog):
    path = weights_file("small_regnety", tmp_path)
    with caplog.at_level(logging.WARNING, "keras_senet"):
        model = SMALL_Y(weights=path, classes=3, input_shape=(64, 64, 3))
    assert "classifier keeps its random weights" in caplog.text
    trunk = SMALL_Y(weights=path, include_top=False, pooling="avg", input_shape=(64, 64, 3))
    pooled = keras.Model(model.input, model.get_layer("head_pool").output)
    np.testing.assert_array_equal(outputs(pooled), outputs(trunk))
    assert model.get_layer("head").units == 3


def test_a_file_without_classifier_needs_classes(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    trunk = {k: v for k, v in tensors("small_regnety").items() if not k.startswith("head.")}
    safetensors.save_file(trunk, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match=r"has no classifier\. Pass `classes`"):
        SMALL_Y(weights=tmp_path / "x.safetensors")
    assert SMALL_Y(weights=tmp_path / "x.safetensors", classes=4).output_shape == (None, 4)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (SMALL_Y.replace(se=SEConfig()), "were trained with SEConfig"),
        (keras_senet.SEResNet50, "has no weights for se_resnet50"),
        (SMALL_Y.replace(se=None), "left over"),
        (SMALL_Y.replace(round_limit=0.9, group=24), "has the shape"),
    ],
)
def test_files_of_other_networks_are_refused(network, message, tmp_path):
    path = weights_file("small_regnety", tmp_path)
    with pytest.raises(ValueError, match=message):
        network(weights=path, input_shape=(64, 64, 3))


RS = SMALL["small_resnetrs"]


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (SMALL_Y.replace(se=SEConfig()), "SE placement '3x3'"),
        (
            SMALL_Y.replace(se=SEConfig(placement="3x3", reduction=4)),
            r"hidden width of SE \(reduction, ratio_of\) 8",
        ),
        (SMALL_Y.replace(depth=3), r"stages \(w0, wa, wm, depth\) 4"),
        (RS.replace(se=SEConfig(divisor=8)), "hidden width of SE"),
        (RS.replace(shortcut="1x1"), "shortcut and stem of stem_pool 'conv'"),
        (RS.replace(stride_in="1x1"), "stride_in"),
    ],
)
def test_what_timm_computes_otherwise_is_not_exported_to_it(network, message, tmp_path):
    pytest.importorskip("safetensors")
    with pytest.raises(ValueError, match=message):
        keras_senet.export_weights(network(classes=5), tmp_path / "x.safetensors", layout="timm")
    assert not list(tmp_path.iterdir())
