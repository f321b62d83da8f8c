"""A trained network and its files name their classes."""

import keras
import numpy as np
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


def trained_on(model):
    """The model after a step of Keras' own `fit`, which does not say on which classes."""
    model.compile(keras.optimizers.SGD(1.0), "sparse_categorical_crossentropy")
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (8, 32, 32, 3)).astype("uint8")
    model.fit(images, np.arange(8) % 3, batch_size=4, verbose=0)
    return model


def test_names_of_a_file_are_those_of_its_classifier(named, tmp_path, caplog):
    """A network that learns as many other classes by `fit` does not say the names of the old."""
    named.save(tmp_path / "named.keras")
    model = trained_on(NETWORK(weights=tmp_path / "named.keras", **SHAPE))
    with pytest.warns(UserWarning, match="trained on since its first class was named 'cat'"):
        assert class_names(model) is None
    model.save(tmp_path / "trained.keras")
    model.save_weights(tmp_path / "trained.weights.h5")
    keras_senet.export_weights(model, tmp_path / "trained.safetensors")
    with pytest.warns(UserWarning, match="trained on since"):
        assert class_names(keras.saving.load_model(tmp_path / "trained.keras")) is None
    for suffix in (".keras", ".weights.h5", ".safetensors"):
        caplog.clear()
        assert class_names(NETWORK(weights=tmp_path / f"trained{suffix}", **SHAPE)) is None
        assert "trained on since its first class was named 'cat'" in caplog.text
    name_classes(model, ("fox", "hen", "pig"))
    assert class_names(trained_on(model)) == ("fox", "hen", "pig")


def test_names_stay_with_a_classifier_that_is_not_trained(named, tmp_path):
    named.save(tmp_path / "named.keras")
    model = NETWORK(weights=tmp_path / "named.keras", **SHAPE)
    model.get_layer("head").trainable = False
    assert class_names(trained_on(model)) == NAMES
    assert class_names(keras_senet.export.fold(model)) == NAMES
    half = keras.models.clone_model(model)
    rounded = [x.astype("float16").astype("float32") for x in model.get_weights()]
    half.set_weights(rounded)
    assert class_names(half) == NAMES
    assert any((x != y).any() for x, y in zip(rounded, model.get_weights(), strict=True))


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
