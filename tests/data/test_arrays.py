"""Arrays as data sets: what says the same is converted, everything else is refused."""

import dataclasses
import pathlib

import numpy as np
import PIL
import pytest
from PIL import Image

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
        np.ma.array(PIXELS),
        list(map(Image.fromarray, PIXELS)),
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


@pytest.mark.parametrize("mode", ["P", "HSV", "YCbCr", "CMYK", "1", "LA", "RGBA", "I;16", "PA"])
def test_pillow_images_are_converted_as_their_files_are(mode, tmp_path):
    noise = Image.fromarray(PIXELS[0])
    image = noise.convert("L").convert(mode) if mode == "I;16" else noise.convert(mode)
    if mode in ("LA", "RGBA", "PA"):
        image.putalpha(100)
    split = Split([image, image], [0, 1])
    kind = "PNG" if mode in ("P", "1", "LA", "RGBA", "I;16") else "TIFF"
    if mode in ("HSV", "PA"):  # of no file
        expected = np.asarray(image.convert("RGB")) if mode == "HSV" else None
    else:
        image.save(tmp_path / "x", format=kind)
        if mode == "YCbCr" and int(PIL.__version__.split(".")[0]) < 13:
            pytest.skip("Pillow before 13 cannot read such a file.")
        expected = data.read_rgb(tmp_path / "x")
    if expected is not None:
        np.testing.assert_array_equal(split.items[1], expected)
    assert split.items.shape == (2, 8, 8, 3)


def test_pillow_images_are_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(PIXELS[0]).save(tmp_path / "x.png", exif=exif)
    held = np.empty(2, object)
    held[:] = [Image.open(tmp_path / "x.png") for _ in range(2)]
    for items in (held, held.tolist()):
        np.testing.assert_array_equal(Split(items, [0, 1]).items[1], PIXELS[0, ::-1, ::-1])


def test_pixels_and_labels_of_sixteen_bits():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    split = Split(PIXELS.astype(ml_dtypes.bfloat16), LABELS.astype(ml_dtypes.bfloat16))
    np.testing.assert_array_equal(split.items, PIXELS)
    np.testing.assert_array_equal(split.labels, LABELS)
    with pytest.raises(ValueError, match="up to 300 in bfloat16, which rounds"):
        Split(PIXELS, (50 * (LABELS + 4)).astype(ml_dtypes.bfloat16))


def test_tensors_of_pytorch():
    torch = pytest.importorskip("torch")
    pixels = torch.tensor(PIXELS).float().requires_grad_()
    for items in (pixels, list(pixels), pixels.bfloat16()):
        np.testing.assert_array_equal(Split(items, torch.tensor(LABELS)).items, PIXELS)


def test_a_few_images_may_be_black():
    assert len(Split(np.zeros((3, 8, 8, 3), "uint8"), [0, 1, 2])) == 3
    dark = PIXELS * (np.arange(6) == 0)[:, None, None, None].astype("uint8")
    assert len(Split(dark, LABELS).subset(slice(1, 6))) == 5


@pytest.mark.at_first(every=3)
@pytest.mark.parametrize(
    "labels",
    [
        LABELS.astype("int64"),
        LABELS.astype("uint8"),
        LABELS.astype("float32"),
        LABELS.tolist(),
        LABELS[:, None],
        np.eye(3)[LABELS],
        LABELS.astype(object),
        np.ma.array(LABELS),
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
        (PIXELS > 99, r"Received: bool.*255 \* x"),
        ((PIXELS / 255).astype("uint8"), "of 0 to 1. .*leave that out"),
        ((PIXELS > 99).astype("uint8"), "of 0 to 1. If 1 is white"),
        ((PIXELS / 256).astype("uint8"), "of 0 to 0"),
        (np.ma.masked_less(PIXELS, 9), "a masked array"),
        ([np.ma.masked_less(one, 9) for one in PIXELS], "a masked array"),
        ([Image.new("F", (8, 8))] * 6, "mode 'F' .*floats"),
        ([Image.new("L", (8, n + 8)) for n in range(6)], "one shape.* give paths"),
        ((number for number in range(6)), "with generator"),
        (np.where(PIXELS > 99, np.nan, 3.0), "NaN"),
        (PIXELS.transpose(0, 3, 1, 2), "channels first"),
        (np.concatenate([PIXELS, GREY], -1), "transparency"),
        (PIXELS[0], r"shape \(8, 8, 3\)"),
        ([PIXELS[0], PIXELS[1, :4]], "of one shape"),
        (list("abcde"), "5 images, 6 labels"),
        ([1, 2, 3, 4, 5, 6], "Received: shape"),
        ([None] * 6, "as paths"),
        (["a\udcff"] * 6, "UTF-8"),
        ([b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 9] * 6, "data.read_rgb"),
        ([b"\xff" * 3000] * 6, "UTF-8"),
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
        (np.array([0, 1, 2, None, 1, 2]), "with NoneType. Convert them"),
        (np.ma.masked_equal(LABELS, 1), "a masked array"),
        (np.array([0, 1, 2, 0, 1, 2052], "float16"), "up to 2052 in float16, which rounds"),
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
    column = np.array(list(map(str, paths)))[:, None]
    encoded = np.array([str(p).encode() for p in paths])
    for items in (paths, list(map(str, paths)), encoded, column, np.array(paths, object)):
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
        ({"view": 8}, "`view` must be a View, .*'8' of type int"),
        ({"training": Split(PIXELS, np.eye(4)[LABELS])}, "training labels are one-hot with 4"),
        ({"held_out": Split(PIXELS, np.eye(4)[LABELS]).subset([0, 1])}, "one-hot with 4"),
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
