"""Every network says how it is built, and copies of it are built so."""

import json

import keras
import pytest
from small import distinct, shallow, size, variants

from keras_senet.layers import Conv2D
from keras_senet.weights.structure import structure


def recorded(model):
    (text,) = (x.network for x in model.layers if isinstance(x, Conv2D) and x.network)
    return json.loads(text)["besides"]["structure"]


@pytest.mark.at_first(every=8)
@pytest.mark.parametrize("name", distinct())
def test_copies_have_the_structure_of_the_network(name, tmp_path):
    network = shallow(variants()[name])
    pixels = size(network)
    model = network(classes=3, input_shape=(pixels, pixels, 3))
    again = network(classes=3, input_shape=(pixels, pixels, 3), name="other")
    model.save(tmp_path / "x.keras")
    loaded = keras.saving.load_model(tmp_path / "x.keras")
    for copy in (model, again, keras.models.clone_model(model), loaded):
        assert structure(copy) == recorded(copy) == recorded(model)


def test_another_pooling_is_another_structure():
    """Weights are the same, and so are those of other activations and strides."""
    network = shallow(variants()["SEResNet50"])
    shape = {"input_shape": (64, 64, 3)}
    others = [
        network(**shape),
        network(include_top=False, pooling="avg", **shape),
        network(include_top=False, pooling="max", **shape),
        network(include_top=False, **shape),
        network.replace(stride_in="3x3")(**shape),
        network.replace(se=None)(**shape),
        network.replace(stem_pool="pad")(**shape),
        network(classifier_activation="sigmoid", **shape),
    ]
    assert len({structure(model) for model in others}) == len(others)
