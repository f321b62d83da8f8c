"""Arrays as data sets: what says the same is converted, everything else is refused."""

import dataclasses
import pathlib

import numpy as np
import pytest

from keras_senet import data
from keras_senet.data import Dataset, Split

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), "uint8")
GREY = PIXELS[..., :1]
LABELS = np.array([0, 1, 2, 0, 1, 2], "int32")
NAMES = ("a", "b", "c")
PLAIN = Dataset("arrays", NAMES, 8, Split(PIXELS, LABELS), Split(PIXELS, LABELS))


@pytest.mark.parametrize(
    "items",
    [
        PIXELS.astype("int64"),
        PIXELS.astype("uint16"),
        PIXELS.astype("float32"),
        PIXELS.tolist(),
        list(PIXELS),
    ],
)
def test_the_same_pixels(items):
    split = Split(items, LABELS)
    assert split.items.dtype == "uint8"
    np.testing.assert_array_equal(split.items, PIXELS)


def test_grey_pixels_and_tensors():
    tf = pytest.importorskip("tensorflow")
    for grey in (GREY, GREY[..., 0], GREY.astype("float64")):
        np.testing.assert_array_equal(Split(grey, LABELS).items, GREY.repeat(3, -1))
    split = Split(tf.constant(PIXELS), tf.constant(LABELS))
    np.testing.assert_array_equal(split.items, PIXELS)
    assert split.labels.dtype == "int32"


@pytest.mark.parametrize(
    "labels",
    [
        LABELS.astype("int64"),
        LABELS.astype("uint8"),
        LABELS.astype("float32"),
        LABELS.tolist(),
        LABELS[:, None],
        np.eye(3)[LABELS],
    ],
)
def test_the_same_labels(labels):
    split = Split(PIXELS, labels)
    assert split.labels.dtype == "int32"
    np.testing.assert_array_equal(split.labels, LABELS)
    dataset = PLAIN.replace(training=split)
    _, drawn = next(dataset.train(6, augmentation=data.NONE).as_numpy_iterator())
    np.testing.assert_array_equal(np.bincount(drawn), [2, 2, 2])


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (["\udcff.jpg", "b"] * 3, r"UTF-8.*xff"),
        (PIXELS / 255.0, r"uint8\. .* of 0 to 1\. If 1 is white"),
        (PIXELS / 127.5 - 1, r"of -1 to 1"),
        (PIXELS + 0.5, "of 0.5 to 255.5"),
        (PIXELS * 0.9, "with fractions"),
        (PIXELS.astype("uint16") * 257, "to 65535"),
        (PIXELS > 99, "Received: bool"),
        (np.where(PIXELS > 99, np.nan, 3.0), "NaN"),
        (PIXELS.transpose(0, 3, 1, 2), "channels first"),
        (np.concatenate([PIXELS, GREY], -1), "transparency"),
        (PIXELS[0], r"shape \(8, 8, 3\)"),
        ([PIXELS[0], PIXELS[1, :4]], "of one shape"),
        (list("abcde"), "5 images, 6 labels"),
        ([1, 2, 3, 4, 5, 6], "Received: shape"),
        ([None] * 6, "as paths"),
        (["a\udcff"] * 6, "UTF-8"),
    ],
)
def test_other_images_are_refused(items, message):
    with pytest.raises(ValueError, match=message) as error:
        Split(items, LABELS)
    assert len(str(error.value)) < 600


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS[:5], "6 images, 5 labels"),
        (LABELS + 0.5, "whole numbers"),
        (np.where(LABELS, np.nan, 0.0), "whole numbers"),
        (np.full((6, 3), 1 / 3), "whole numbers"),
        (np.ones((6, 3), int), "not one 1 among zeros"),
        (list("abcabc"), "numbers of classes"),
        (LABELS[:, None, None], r"labels \(N,\)"),
        (LABELS.astype("int64") + 2**40, "32 bits"),
        ([[0], [1, 2]], "of one shape"),
        (3, r"labels \(N,\)"),
    ],
)
def test_other_labels_are_refused(labels, message):
    with pytest.raises(ValueError, match=message) as error:
        Split(PIXELS, labels)
    assert len(str(error.value)) < 600


def test_paths(tmp_path):
    paths = [tmp_path / f"{number}.png" for number in range(6)]
    for items in (paths, list(map(str, paths)), np.array([str(p).encode() for p in paths])):
        split = Split(items, LABELS)
        assert not split.holds_pixels and split.items.tolist() == list(map(str, paths))
    assert pathlib.Path(split.name(2)) == paths[2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_names": "abc"}, "`class_names` must be a tuple"),
        ({"class_names": 3}, "`class_names` must be a tuple"),
        ({"class_names": ("a", "b", "a")}, r"each name once. Received: \['a'\] twice"),
        ({"class_names": (0, 1, 2)}, "must hold texts"),
        ({"class_names": ("a", "b")}, "from 0 to 1. Its training images .* from 0 to 2"),
        ({"class_names": ("a",)}, "at least two classes"),
        ({"image_size": 32}, r"8x8 pixels. Expected image_size=32"),
        ({"image_size": 0}, "`image_size` must be"),
        ({"image_size": "8"}, "`image_size` must be"),
        ({"image_size": (8, 8)}, "`image_size` must be"),
        ({"image_size": 8.0}, "`image_size` must be"),
        ({"max_bad_images": -1}, "`max_bad_images` must be a whole number from 0"),
        ({"augmentation": "photo"}, "must be an Augmentation"),
        ({"augmentation": None}, "must be an Augmentation"),
        ({"training": (PIXELS, LABELS)}, "must be a Split"),
        ({"held_out": None}, r"held-out images of arrays must be a Split"),
        ({"held_out": Split(PIXELS, LABELS - 1)}, "held-out images have labels from -1"),
        ({"test": Split(PIXELS, LABELS + 1)}, "test images have labels from 1 to 3"),
        ({"test": Split(PIXELS[:0], LABELS[:0])}, "no test images"),
        ({"training": Split(PIXELS[:, :4], LABELS)}, "have 4x8 pixels"),
    ],
)
def test_fields_of_a_data_set(changes, message):
    with pytest.raises(ValueError, match=message) as error:
        PLAIN.replace(**changes)
    assert len(str(error.value)) < 600


def test_fields_are_brought_to_one_form():
    dataset = PLAIN.replace(class_names=np.array(NAMES), image_size=np.int64(8))
    assert dataset.class_names == NAMES and type(dataset.class_names[0]) is str
    assert type(dataset.image_size) is int
    assert dataclasses.replace(dataset, test=dataset.held_out).splits.keys() == {
        "training",
        "held-out",
        "test",
    }


@pytest.mark.parametrize("count", [0, -2, 1.5, "3"])
def test_counts(count):
    for call in (PLAIN.calibration_images, PLAIN.held_out_arrays):
        with pytest.raises(ValueError, match="must be a whole number from 1"):
            call(count)


def test_class_balanced_needs_every_class():
    gap = PLAIN.replace(training=Split(PIXELS, [0, 0, 0, 2, 2, 2]))
    with pytest.raises(ValueError, match="none of class 1"):
        gap.train(2, sampling="class_balanced")
