"""Images and labels that Keras reads from a folder: they name their classes."""

import warnings

import keras
import numpy as np
import pytest
from PIL import Image

import keras_senet
from keras_senet import analysis, export, training
from keras_senet.data.classes import names_of
from keras_senet.export.contract import contract
from keras_senet.export.images import calibration_images
from keras_senet.weights.named_classes import name_classes

if keras.backend.backend() != "tensorflow":
    pytest.skip("files are those of TensorFlow", allow_module_level=True)

import tensorflow as tf

SORTED = ("cat", "dog")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Six images of each class, dark cats and bright dogs."""
    folder, random = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for number, name in enumerate(SORTED):
        (folder / name).mkdir()
        for index in range(6):
            pixels = random.integers(100 * number, 100 * number + 90, (32, 32, 3), "uint8")
            Image.fromarray(pixels).save(folder / name / f"{index}.png")
    return keras.utils.image_dataset_from_directory(
        folder, image_size=(32, 32), batch_size=4, shuffle=False, verbose=False
    )


@pytest.fixture(scope="module")
def iterator(photos):
    """What the older `flow_from_directory` delivers, as far as it is asked."""

    class DirectoryIterator(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            images, labels = list(photos)[index]
            return images.numpy(), labels.numpy()

    found = DirectoryIterator()
    found.class_indices = {"dog": 1, "cat": 0}
    return found


def network(names):
    keras.utils.set_random_seed(0)
    model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))(classes=2)
    if names is not None:
        name_classes(model, names)
    return model


def test_both_say_their_names(photos, iterator):
    assert names_of(photos) == names_of(iterator) == SORTED
    assert names_of(np.zeros(3)) is None


@pytest.mark.parametrize("names", [SORTED, None])
def test_a_file_is_judged_by_its_classes(names, photos, iterator, tmp_path):
    model = network(names)
    path = export.to_tflite(model, tmp_path / "m.tflite")
    labels = np.concatenate([labels for _, labels in photos])
    right = (model.predict(photos, verbose=0).argmax(-1) == labels).mean()
    assert export.verify(model, path, photos).accuracy == right
    assert export.verify(model, path, iterator).accuracy == right
    one_hot = photos.map(lambda images, labels: (images, tf.one_hot(labels, 2)))
    binary = photos.map(lambda images, labels: (images, tf.cast(labels, "float32")[:, None]))
    shares = one_hot.map(lambda images, labels: (images, 0.9 * labels + 0.05))
    for data, expected in ((one_hot, right), (binary, right), (shares, None)):
        assert export.verify(model, path, data).accuracy == expected
    assert export.verify(model, path, *next(iter(one_hot.unbatch().batch(12)))).accuracy == right


def test_a_file_is_not_judged_by_labels_of_other_classes(photos, iterator, tmp_path):
    model = network(SORTED[::-1])
    path = export.to_tflite(model, tmp_path / "m.tflite")
    for data in (photos, iterator):
        with pytest.warns(
            UserWarning, match="number 0 is 'dog' of the model and 'cat' of the data"
        ):
            report = export.verify(model, path, data)
        assert report.accuracy is None
        assert report.top1_agreement == 1


def test_one_score_is_that_of_the_second_class(photos, tmp_path):
    model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))(
        classes=1, classifier_activation="sigmoid"
    )
    path = export.to_tflite(model, tmp_path / "m.tflite")
    labels = np.concatenate([labels for _, labels in photos])
    right = ((model.predict(photos, verbose=0)[:, 0] > 0.5) == labels).mean()
    assert export.verify(model, path, photos).accuracy == right
    for name, expected in (("dog", right), ("cat", None)):
        name_classes(model, [name])
        path = export.to_tflite(model, tmp_path / "m.tflite", overwrite=True)
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            assert export.verify(model, path, photos).accuracy == expected
        said = any("is of 'cat', the second class is 'dog'" in str(x.message) for x in found)
        assert said == (expected is None)
    with pytest.raises(ValueError, match="with one score for an image"):
        analysis.usefulness(model, photos)
    assert analysis.excitations(model, photos).classes == SORTED
    arrays = tuple(map(np.concatenate, zip(*photos, strict=True)))
    assert analysis.excitations(model, arrays).classes == ("0", "1")


def test_labels_are_given_once(photos, tmp_path):
    """Those beside a stream may have another order, as where it is shuffled."""
    model = network(SORTED)
    path = export.to_tflite(model, tmp_path / "m.tflite")
    labels = np.concatenate([labels for _, labels in photos])
    with pytest.raises(ValueError, match="for images that come without"):
        export.verify(model, path, photos, labels)
    images = photos.map(lambda images, labels: images)
    assert export.verify(model, path, images, labels).accuracy is not None


def test_labels_need_scores_of_classes(photos, tmp_path):
    model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))(
        input_shape=(32, 32, 3), include_top=False, pooling="avg"
    )
    path = export.to_tflite(model, tmp_path / "m.tflite")
    images, labels = map(np.concatenate, zip(*photos, strict=True))
    with pytest.raises(ValueError, match="`labels` is for scores of classes"):
        export.verify(model, path, images, labels)


def test_a_model_that_names_no_classes_is_said_to_be_judged_in_their_order(photos, caplog):
    analysis.usefulness(network(SORTED), photos)
    assert not caplog.text
    analysis.usefulness(network(None), photos)
    assert "does not name its classes" in caplog.text


def test_usefulness_needs_the_classes_of_the_model(photos):
    assert len(analysis.usefulness(network(SORTED), photos).blocks) == 3
    with pytest.raises(ValueError, match="'dog' of the model and 'cat' of the data"):
        analysis.usefulness(network(SORTED[::-1]), photos)
    with pytest.raises(ValueError, match="The model has 10 classes, the data set has 2"):
        analysis.usefulness(keras_senet.SEResNet20.replace(depths=(1, 1, 1))(), photos)


def test_gates_are_named_in_the_order_of_the_labels(photos, iterator):
    model = network(None)
    assert analysis.excitations(model, photos).classes == SORTED
    assert analysis.excitations(model, iterator).classes == SORTED
    assert analysis.excitations(model, photos, classes=("Katze", "Hund")).classes[0] == "Katze"
    with pytest.raises(ValueError, match=r"in the order of the labels. Number 0 is 'dog'"):
        analysis.excitations(model, photos, classes=SORTED[::-1])
    with pytest.raises(ValueError, match=r"The data have 2 classes. Received: 3"):
        analysis.excitations(model, photos, classes=("a", "b", "c"))


def test_names_need_labels_and_an_order(photos):
    model, images = network(None), np.concatenate([images for images, _ in photos])
    with pytest.raises(ValueError, match=r"Received: .* for images alone"):
        analysis.excitations(model, images, classes=SORTED)
    with pytest.raises(ValueError, match="set, which has no such order"):
        analysis.excitations(model, photos, classes={*SORTED})


def test_evaluate_takes_data_sets_of_this_package(photos):
    with pytest.raises(ValueError, match=r"must be a keras_senet.data.Dataset"):
        training.evaluate(network(SORTED), photos, 4)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [(np.arange(520) // 512, 1), (np.arange(520) // 300, 1), (np.arange(520) % 2, 0)],
)
def test_calibration_says_that_classes_are_missing(labels, expected):
    """A folder that is not shuffled begins with all images of its first class."""
    images = np.random.default_rng(0).integers(0, 256, (520, 32, 32, 3), "uint8")
    stream = ((images[i : i + 40], labels[i : i + 40]) for i in range(0, 520, 40))
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        calibration_images(stream, (32, 32, 3), contract(network(None)))
    assert sum("in the order of their classes, 0 to" in str(x.message) for x in found) == expected
