"""Splits, order and crops of the data sets."""

import collections

import numpy as np
import pytest

from keras_senet import data

tf = pytest.importorskip("tensorflow")


@pytest.fixture(scope="module")
def digits():
    return data.load("digits", image_size=32)


def test_digits_split_is_fixed_stratified_and_disjoint(digits):
    # Ceil of a fifth of each class; the class sizes are scikit-learn's documented ones.
    sizes = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    held = collections.Counter(digits.held_out.labels.tolist())
    assert [held[label] for label in range(10)] == [-(-size // 5) for size in sizes]
    assert len(digits.training) + len(digits.held_out) == 1797
    seen = {image.tobytes() for image in digits.training.items}
    repeated = sum(image.tobytes() in seen for image in digits.held_out.items)
    assert repeated == 0


def test_digits_are_the_scans(digits):
    from sklearn.datasets import load_digits

    scans, labels = load_digits(return_X_y=True)
    assert digits.held_out.labels[0] == labels[0]
    small = data.load("digits", image_size=8)
    pixels = np.rint(scans[0].reshape(8, 8) * 255 / 16)
    for channel in range(3):
        np.testing.assert_array_equal(small.held_out.items[0, :, :, channel], pixels)
    assert digits.training.items.dtype == "uint8"
    assert digits.training.items.max() == 255


def labels_of(dataset, batches, seed, batch_size=64):
    return np.concatenate(
        [labels.numpy() for _, labels in dataset.train(batch_size, seed).take(batches)]
    )


def test_training_stream_sees_every_image_once_a_pass(digits):
    labels = labels_of(digits, 23, 0)[: len(digits.training)]
    assert collections.Counter(labels.tolist()) == collections.Counter(
        digits.training.labels.tolist()
    )
    second = labels_of(digits, 46, 0)[len(digits.training) : 2 * len(digits.training)]
    assert not np.array_equal(labels, second)


@pytest.mark.slow
def test_training_stream_is_a_function_of_the_seed(digits):
    def first(seed):
        return next(digits.train(32, seed).as_numpy_iterator())

    np.testing.assert_array_equal(first(3)[0], first(3)[0])
    assert not np.array_equal(first(3)[1], first(4)[1])


@pytest.fixture
def folder(tmp_path):
    """Two classes of six images, each of one colour: 10 * number in red or in green."""
    for channel, name in enumerate(("apple", "leaf")):
        (tmp_path / name).mkdir()
        for number in range(6):
            image = np.zeros((40, 60, 3), "uint8")
            image[..., channel] = 10 * (number + 1)
            kind, encode = (("png", tf.io.encode_png), ("jpg", tf.io.encode_jpeg))[number % 2]
            tf.io.write_file(str(tmp_path / name / f"{number}.{kind}"), encode(image))
    return tmp_path


def test_folder(folder):
    dataset = data.load(f"folder:{folder}", image_size=24)
    assert dataset.class_names == ("apple", "leaf")
    images, labels = dataset.held_out_arrays()
    # Files 0 and 5 of each class are held out.
    assert images.shape == (4, 24, 24, 3) and images.dtype == "uint8"
    np.testing.assert_array_equal(labels, [0, 0, 1, 1])
    np.testing.assert_allclose(images[:2, 12, 12, 0], [10, 60], atol=3)
    assert len(dataset.training) == 8
    batch, labels = next(dataset.train(8, 0).as_numpy_iterator())
    assert batch.shape == (8, 24, 24, 3)
    # A random crop keeps the colour, and so the class.
    np.testing.assert_array_equal(batch[:, 12, 12, :2].argmax(-1), labels)
    assert dataset.calibration_images(3).shape == (3, 24, 24, 3)
    # Few of them are of all classes, too: the first ones would all be apples.
    few, labels = dataset.held_out_arrays(2)
    np.testing.assert_array_equal(labels, [0, 1])
    np.testing.assert_array_equal(few, images[[0, 3]])


def test_folder_with_its_own_split(folder, tmp_path_factory):
    root = tmp_path_factory.mktemp("splits")
    (root / "train").symlink_to(folder)
    (root / "validation").symlink_to(folder)
    dataset = data.load(f"folder:{root}", image_size=8)
    assert len(dataset.training) == len(dataset.held_out) == 12


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: "imagenet", "Unknown data source 'imagenet'. Expected"),
        (lambda root: f"folder:{root}/nothing", "No folder at"),
        (lambda root: f"folder:{root}/apple", "has 0 folders. Expected one for each class"),
    ],
)
def test_bad_sources(make, message, folder):
    with pytest.raises(ValueError, match=message):
        data.load(make(folder), image_size=8)


def test_empty_class_and_differing_splits(folder):
    (folder / "zebra").mkdir()
    with pytest.raises(ValueError, match="zebra has no images"):
        data.load(f"folder:{folder}", image_size=8)
    for path in ("train/a", "train/b", "validation/a", "validation/c"):
        (folder / "x" / path).mkdir(parents=True)
        tf.io.write_file(
            str(folder / "x" / path / "1.png"), tf.io.encode_png(np.zeros((9, 9, 3), "uint8"))
        )
    with pytest.raises(ValueError, match=r"same classes. Only in one of them: \['b', 'c'\]"):
        data.load(f"folder:{folder}/x", image_size=8)
    with pytest.raises(ValueError, match="at least 8 pixels"):
        data.load("digits", image_size=4)


def test_a_class_of_one_image_is_refused(folder):
    (folder / "zebra").mkdir()
    (folder / "apple" / "0.png").rename(folder / "zebra" / "0.png")
    with pytest.raises(ValueError, match="zebra has one image"):
        data.load(f"folder:{folder}", image_size=8)
