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


@pytest.mark.parametrize(
    "changed",
    [
        lambda scores: keras.ops.flip(scores, -1),
        lambda scores: keras.ops.take(scores, [2, 0, 1], axis=-1),
        lambda scores: 1 - scores,
        lambda scores: [scores, keras.ops.flip(scores, -1)],
    ],
    ids=["flip", "take", "1 - scores", "two"],
)
def test_functions_behind_the_classifier_leave_no_names(changed, named):
    """They are no layers, and may change the order of the scores."""
    model = keras.Model(named.input, changed(named.output))
    assert class_names(model) is None
    with pytest.raises(ValueError, match="no place for names"):
        name_classes(model, NAMES)
    image = keras.Input((32, 32, 3))
    outer = keras.Model(image, changed(keras.Model(named.input, named.output)(image)))
    assert class_names(outer) is None


def test_names_can_be_given(named):
    """As after Keras' own `fit`, on classes that it does not tell the network."""
    copy = keras.models.clone_model(named)
    keras_senet.weights.name_classes(copy, ["fox", "hen", "pig"])
    assert keras_senet.weights.class_names(copy) == ("fox", "hen", "pig")
    image = keras.Input((32, 32, 3))
    outer = keras.Model(image, copy(image))
    name_classes(outer, NAMES)
    assert class_names(outer) == class_names(copy) == NAMES
    name_classes(copy, None)
    assert class_names(copy) is None


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("cat", "dog"), "has 3 classes. Received: 2 names"),
        ("cat", "list of names in the order of the outputs"),
        ({"cat": 0, "dog": 1, "owl": 2}, "list of names in the order of the outputs"),
        ((1, 2, 3), "must hold texts"),
    ],
)
def test_other_names_are_refused(names, words, named):
    with pytest.raises(ValueError, match=words):
        name_classes(named, names)
    assert class_names(named) == NAMES


def test_names_need_a_place():
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, name="head")])
    with pytest.raises(ValueError, match="no place for names"):
        name_classes(model, NAMES)
    with pytest.raises(ValueError, match="no place for names"):
        name_classes(NETWORK(include_top=False, **SHAPE), NAMES)


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
