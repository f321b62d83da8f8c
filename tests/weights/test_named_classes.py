"""A trained network and its files name their classes."""

import keras
import pytest

import keras_senet
from keras_senet.data.classes import class_indices
from keras_senet.weights.named_classes import class_names, name_classes

NETWORK = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
SHAPE = {"input_shape": (32, 32, 3)}
NAMES = ("cat", "dog", "owl")


@pytest.fixture(scope="module")
def named():
    model = NETWORK(classes=3, **SHAPE)
    assert class_names(model) is None
    name_classes(model, NAMES)
    return model


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5", ".safetensors"])
def test_names_go_through_every_file(named, suffix, tmp_path):
    path = str(tmp_path / f"named{suffix}")
    write = {".keras": named.save, ".weights.h5": named.save_weights}
    write.get(suffix, lambda path: keras_senet.export_weights(named, path))(path)
    assert class_names(NETWORK(weights=path, **SHAPE)) == NAMES
    assert class_names(NETWORK(weights=path, classes=5, **SHAPE)) is None  # a new classifier
    assert class_names(NETWORK(weights=path, include_top=False, **SHAPE)) is None
    if suffix == ".keras":
        assert class_names(keras.saving.load_model(path)) == NAMES


def test_names_belong_to_the_classifier(named):
    image = keras.Input((32, 32, 3))
    assert class_names(keras.Model(image, named(image))) == NAMES
    pooled = named.get_layer("head_pool").output
    other = keras.Model(named.input, keras.layers.Dense(3, name="mine")(pooled))
    assert class_names(other) is None
    assert class_names(keras.Sequential([image, keras.layers.Flatten()])) is None


def test_labels_are_whole_numbers_of_classes():
    assert class_indices([[0, 1], [1, 0]], 2).tolist() == [1, 0]
    for labels in ([1, 2], [-1, 0]):
        with pytest.raises(ValueError, match="The 2 classes of the model need labels from 0 to 1"):
            class_indices(labels, 2)
    with pytest.raises(ValueError, match=r"as many columns of one-hot labels. Received: 2"):
        class_indices([[0, 1], [1, 0]], 3)
    for labels in (["0", "1"], [0.5, 1]):
        with pytest.raises(ValueError, match="Expected labels"):
            class_indices(labels, 2)
