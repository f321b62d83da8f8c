import numpy as np
import pytest
from sklearn import datasets

from keras_senet import data

tf = pytest.importorskip("tensorflow")


@pytest.fixture(scope="module")
def digits():
    return data.load("digits", image_size=32)


def _write_images(root, counts):
    for index, (name, count) in enumerate(counts.items()):
        folder = root / name
        folder.mkdir(parents=True)
        for number in range(count):
            pixels = np.full((40, 50, 3), 60 * index, "uint8")
            file = folder / f"{number}.png"
            file.write_bytes(tf.io.encode_png(pixels).numpy())


def test_digits_are_split_without_loss_and_by_class(digits):
    counts = np.bincount(datasets.load_digits().target)
    held_out = np.bincount(digits.held_out.labels)
    np.testing.assert_array_equal(held_out, np.ceil(counts / 5))
    np.testing.assert_array_equal(np.bincount(digits.training.labels) + held_out, counts)


def test_digits_of_8_pixels_are_the_scans_scaled_to_255():
    images, labels = data.load("digits", image_size=8).held_out_arrays(1)
    scans = datasets.load_digits()
    expected = np.rint(scans.images[scans.target == labels[0]][0] * 255 / 16)
    np.testing.assert_array_equal(images[0], np.repeat(expected[..., None], 3, axis=-1))


def test_an_epoch_shows_every_image_once_in_an_order_set_by_the_seed(digits):
    def labels(seed):
        batches = digits.train(1433, seed).take(2)
        return [label for _, label in batches.as_numpy_iterator()]

    first, second = labels(0)
    for epoch in (first, second):
        np.testing.assert_array_equal(np.bincount(epoch), np.bincount(digits.training.labels))
    assert (first != second).any()
    np.testing.assert_array_equal(first, labels(0)[0])
    assert (first != labels(1)[0]).any()


def test_augmentation_is_a_function_of_the_seed(digits):
    images = [next(digits.train(8, seed).as_numpy_iterator())[0] for seed in (3, 3, 4)]
    np.testing.assert_array_equal(images[0], images[1])
    assert (images[0] != images[2]).any()


def test_a_folder_delivers_its_images(tmp_path):
    _write_images(tmp_path, {"b": 6, "a": 5})
    dataset = data.load(f"folder:{tmp_path}", image_size=24)
    assert dataset.class_names == ("a", "b")
    assert (len(dataset.training), len(dataset.held_out)) == (8, 3)
    images, labels = next(dataset.train(8).as_numpy_iterator())
    assert images.shape == (8, 24, 24, 3)
    assert images.dtype == np.uint8
    # Folder "b" was written first, in black; "a" in 60.
    np.testing.assert_array_equal(images[:, 0, 0, 0], np.where(labels == 0, 60, 0))
    images, labels = dataset.held_out_arrays()
    np.testing.assert_array_equal(labels, [0, 1, 1])
    np.testing.assert_array_equal(images[:, 5, 5, 0], [60, 0, 0])


def test_a_folder_with_validation_keeps_its_split(tmp_path):
    _write_images(tmp_path / "train", {"a": 3, "b": 4})
    _write_images(tmp_path / "validation", {"a": 1, "b": 2})
    dataset = data.load(f"folder:{tmp_path}", image_size=16)
    assert (len(dataset.training), len(dataset.held_out)) == (7, 3)


@pytest.mark.parametrize(
    ("counts", "message"),
    [({}, "0 folders"), ({"a": 3}, "1 folders"), ({"a": 3, "b": 0}, "no images")],
)
def test_folders_that_cannot_be_learned_from(tmp_path, counts, message):
    _write_images(tmp_path, counts)
    with pytest.raises(ValueError, match=message):
        data.load(f"folder:{tmp_path}", image_size=16)


def test_splits_of_different_classes(tmp_path):
    _write_images(tmp_path / "train", {"a": 1, "b": 1})
    _write_images(tmp_path / "validation", {"a": 1, "c": 1})
    with pytest.raises(ValueError, match=r"\['b', 'c'\]"):
        data.load(f"folder:{tmp_path}", image_size=16)


def test_unknown_source_and_missing_folder(tmp_path):
    with pytest.raises(ValueError, match="Expected 'digits' or 'folder:PATH'"):
        data.load("cifar")
    with pytest.raises(ValueError, match="No folder at"):
        data.load(f"folder:{tmp_path / 'absent'}")
