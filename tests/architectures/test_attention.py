"""ECA, eSE and scSE wherever a network has SE."""

import dataclasses

import keras
import numpy as np
import pytest
from backends import on_tensorflow
from small import KINDS, shallow, shape

import keras_senet
from keras_senet import ECAConfig, ESEConfig, SCSEConfig, SEConfig
from keras_senet.analysis.costs.shapes import shapes_of
from keras_senet.layers import ChannelAttention

DESIGNS = {
    "eca": (ECAConfig(), "EfficientChannelAttention"),
    "ese": (ESEConfig(), "EffectiveSE"),
    "scse": (SCSEConfig(reduction=2), "SpatialChannelSE"),
}
SMALL = shallow(keras_senet.SEResNet50)


def blocks(model):
    return [layer for layer in model.layers if isinstance(layer, ChannelAttention)]


@pytest.mark.at_first(every=9)
@on_tensorflow
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_family_takes_every_design(kind, design):
    """At the places of its SE, with the same names and channels."""
    network, (se, name) = KINDS[kind], DESIGNS[design]
    se = dataclasses.replace(se, placement=network.se.placement, stages=network.se.stages)
    with_se = blocks(shapes_of(lambda: network(input_shape=shape(network))))
    model = shapes_of(lambda: network.replace(se=se)(input_shape=shape(network)))
    found = blocks(model)
    assert [(x.name, x.output.shape) for x in found] == [(x.name, x.output.shape) for x in with_se]
    assert {type(layer).__name__ for layer in found} == {name}


@pytest.mark.at_first("ese")
@pytest.mark.parametrize("design", DESIGNS)
def test_networks_learn(design):
    keras.utils.set_random_seed(0)
    network = keras_senet.SEResNet20.replace(depths=(1, 1, 1), se=DESIGNS[design][0])
    model = network(classes=3, input_shape=(16, 16, 3))
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    x = np.random.default_rng(0).uniform(0, 255, (6, 16, 16, 3)).astype("float32")
    before = [np.copy(keras.ops.convert_to_numpy(weight)) for weight in model.trainable_weights]
    if keras.backend.backend() == "jax":
        model.evaluate(x, np.arange(6) % 3, verbose=0)
    model.train_on_batch(x, np.arange(6) % 3)
    for weight, values in zip(model.trainable_weights, before, strict=True):
        value = keras.ops.convert_to_numpy(weight)
        assert np.isfinite(value).all()
        if "_se/" in weight.path:
            assert not np.array_equal(value, values), weight.path


@pytest.mark.parametrize(
    ("se", "stages"), [(ECAConfig(stages=(3, 4)), {"stage3", "stage4"}), (ESEConfig(stages=()), ())]
)
def test_stages(se, stages):
    model = shapes_of(lambda: SMALL.replace(se=se)(input_shape=(32, 32, 3)))
    assert {layer.name[:6] for layer in blocks(model)} == set(stages)


@pytest.mark.parametrize("placement", ["pre", "post", "identity", "3x3"])
def test_placements(placement):
    def names(se):
        model = shapes_of(lambda: SMALL.replace(se=se)(input_shape=(32, 32, 3)))
        return [layer.name for layer in blocks(model)]

    assert names(ECAConfig(placement=placement)) == names(SEConfig(placement=placement))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ECAConfig(placement="behind"), "`placement` must be one of"),
        (lambda: ESEConfig(stages=(0,)), "`stages` must be None or a tuple"),
        (lambda: SMALL.replace(se=ECAConfig(stages=(7,))), "has no stage 7"),
        (lambda: SMALL.replace(se="eca"), "`se` must be a SEConfig, ECAConfig, ESEConfig or SCSE"),
        (
            lambda: keras_senet.SEResNet18.replace(se=ECAConfig(placement="3x3")),
            "placement '3x3' is undefined",
        ),
        (lambda: ESEConfig().as_identity(), "needs a sigmoid.*Received: gate='hard_sigmoid'"),
        (lambda: SCSEConfig(combination="max").as_identity(), "needs combination='add'"),
    ],
)
def test_bad_designs(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("se", [ECAConfig(), ESEConfig(gate="sigmoid"), SCSEConfig()])
def test_added_blocks_start_as_identities(se):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    y = keras.layers.Conv2D(4, 3, padding="same")(x)
    plain = keras.Model(inputs, keras.layers.Add()([x, y]))
    model = keras_senet.add_se(plain, se, start="identity")
    assert len(blocks(model)) == 1
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(model(images)), keras.ops.convert_to_numpy(plain(images))
    )
    with pytest.raises(ValueError, match="has SE blocks already"):
        keras_senet.add_se(model)
