"""What a folder of images is taken for: splits, classes, data, or an error."""

import os
import pathlib
import unicodedata
import warnings

import numpy as np
import pytest
from PIL import Image

from keras_senet import data

CLASSES = ("cat", "dog", "owl")


def pictures(folder, count, suffix=".jpg", first=0):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        Image.new("RGB", (50, 40), (5 * number, 90, 10)).save(folder / f"{number}{suffix}")


def split(folder, count, classes=CLASSES):
    for name in classes:
        pictures(folder / name, count)


def load(root):
    """The data set, and what was warned of it."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        dataset = data.load(f"folder:{root}", image_size=8)
    return dataset, " ".join(str(warning.message) for warning in said)


def sizes(dataset):
    return {what: len(part) for what, part in dataset.splits.items()}


@pytest.mark.parametrize(
    ("train", "held_out"),
    [
        ("train", "val"),
        ("Train", "VALID"),
        ("training", "Validation"),
        ("train", "dev"),
        ("train_images", "eval"),
        ("trainset", "testset"),
        ("train", "test"),
        ("training", "Testing"),
        ("train2017", "val2017"),
    ],
)
def test_two_splits(train, held_out, tmp_path):
    split(tmp_path / train, 4)
    split(tmp_path / held_out, 2)
    dataset, said = load(tmp_path)
    assert dataset.class_names == CLASSES
    assert sizes(dataset) == {"training": 12, "held-out": 6} and said == ""
    assert all(f"/{held_out}/" in path for path in dataset.held_out.items)


def test_three_splits_and_what_lies_beside_them(tmp_path):
    for name, count in (("train", 4), ("val", 2), ("test", 1)):
        split(tmp_path / name, count)
    (tmp_path / "logs").mkdir()
    dataset, said = load(tmp_path)
    assert sizes(dataset) == {"training": 12, "held-out": 6, "test": 3}
    assert "/test/" in dataset.test.items[0] and "folders without images" in said and "logs" in said
    lines = str(dataset).splitlines()
    assert "3 classes, 12 training, 6 held-out, 3 test images" in lines[0]
    assert lines[2].split() == ["cat", "4", "2", "1"] and len(lines) == 5
    (tmp_path / "test" / "cat" / "0.jpg").write_text("no image")
    assert list(data.check(dataset)) == [str(tmp_path / "test" / "cat" / "0.jpg")]


def test_train_alone_is_divided(tmp_path):
    split(tmp_path / "train", 6)
    dataset, said = load(tmp_path)
    assert dataset.class_names == CLASSES
    assert sizes(dataset) == {"training": 12, "held-out": 6} and "every fifth" in said
    assert "6 of 18" in said


def test_classes_alone_are_divided(tmp_path, caplog):
    """A folder `val` given by itself is judged in part: said, as loudly as its name asks for."""
    caplog.set_level("INFO", logger="keras_senet")
    for name in ("val", "photos"):
        split(tmp_path / name, 6)
        dataset, said = load(tmp_path / name)
        assert sizes(dataset) == {"training": 12, "held-out": 6}
        assert "6 of 18" in (said if name == "val" else caplog.text)
        assert (f"give the folder above: folder:{tmp_path}" in said) == (name == "val")
    assert caplog.text.count("every fifth image") == 1


def tree(root, layout):
    for path, count in layout.items():
        if count:
            pictures(root / path, count)
        else:
            (root / path).mkdir(parents=True)


TRAIN = {"train/cat": 2, "train/dog": 2}


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ({**TRAIN, "val/cat": 2, "valid/cat": 2}, "both look like the validation split"),
        ({**TRAIN, "val": 0}, "validation split beside train, but has no images"),
        ({**TRAIN, "val/cat": 2, "val/dog": 2, "test": 3}, "test.* has 3 images of no class"),
        ({**TRAIN, "holdout/cat": 2, "holdout/dog": 2}, "holdout, which is none"),
        ({**TRAIN, "val/cat": 2, "val/dog": 2, "extra": 2}, "extra, which is none"),
        ({**TRAIN, "plane": 2}, "plane, which is none"),
        ({"val/cat": 2, "val/dog": 2, "test/cat": 2}, "look like splits, but no train"),
        ({"fold1/cat": 2, "fold1/dog": 2, "fold2/cat": 2}, "fold1, fold2, which look like splits"),
        ({"seg_train/cat": 2, "seg_test/cat": 2, "seg_pred": 2}, "which look like splits"),
        ({"train": 3, "test": 3}, "look like splits, but hold images directly"),
        ({"train": 3, "val": 3, "plane": 3}, "look like splits, but hold images directly"),
        ({"cat/train": 2, "cat/val": 2, "dog/train": 2}, "has the splits train, val"),
        ({"a/cat": 2, "a/dog": 2, "b/cat": 2, "b/dog": 2}, "Each of a, b .* the same folders"),
        ({"cat": 2, "dog": 2, "more/cat": 2, "more/dog": 2}, "same names as its neighbours"),
        ({"images/cat": 2, "images/dog": 2}, r"has 1 folders.*Did you mean folder:.*/images\?"),
        ({"all/train/cat": 2, "all/val/cat": 2}, r"has 1 folders.*Did you mean folder:.*/all\?"),
        ({"train/train/cat": 2, "train/train/dog": 2, "val/cat": 2}, "train has 1 folders"),
        ({"trainA": 2, "trainB": 2, "testA": 2, "testB": 2}, "splits and classes in one name"),
        ({"train_pos": 2, "train_neg": 2, "val_pos": 1, "val_neg": 1}, "classes in one name"),
        (
            {"train/images": 2, "train/masks": 2, "val/images": 2, "val/masks": 2},
            "look like images and what is in them",
        ),
        ({"train": 3}, "has 1 folders"),
        ({".": 3}, "has 0 folders. .*holds 3 images itself: give the folder above"),
    ],
)
def test_what_cannot_be_known_is_refused(layout, message, tmp_path):
    tree(tmp_path, layout)
    with pytest.raises(ValueError, match=message) as error:
        load(tmp_path)
    assert len(str(error.value)) < 600


@pytest.mark.parametrize(
    "layout",
    [
        {"car": 2, "plane": 2, "train": 2},  # pictures of trains
        {"beaker": 2, "test": 2, "test_tube": 2},
        {"bullet_train": 2, "steam train": 2},
        {"train station": 2, "test tube": 2, "volcano": 2},
        {"images": 2, "paintings": 2},
        {"cat/batch1": 2, "cat/batch2": 2, "dog/batch1": 1, "dog/batch2": 1},
        {"apple/red": 2, "pear": 2},
    ],
)
def test_classes_may_be_called_and_filed_anyhow(layout, tmp_path):
    tree(tmp_path, layout)
    dataset, _ = load(tmp_path)
    assert dataset.class_names == tuple(sorted({path.split("/")[0] for path in layout}))
    assert sum(sizes(dataset).values()) == sum(layout.values())


def test_classes_within_classes_are_said(tmp_path):
    tree(tmp_path, {"animal/cat": 2, "plant/oak": 2})
    dataset, said = load(tmp_path)
    assert dataset.class_names == ("animal", "plant") and "animal/cat" in said


def test_what_is_no_data_is_counted_and_said(tmp_path):
    tree(tmp_path, {"cat": 5, "dog": 5, "__MACOSX/cat": 3, ".cache/x": 2, "cat/@eaDir": 2})
    tree(tmp_path, {"dog/.ipynb_checkpoints": 1})
    (tmp_path / "cat" / "._0.jpg").write_bytes(b"")
    (tmp_path / "dog" / "Thumbs.db").write_bytes(b"")
    for name in ("cat/a.txt", "cat/b.txt", "dog/c.json", "dog/bare"):
        (tmp_path / name).write_text("")
    pictures(tmp_path, 1)
    dataset, said = load(tmp_path)
    assert dataset.class_names == ("cat", "dog")
    assert sizes(dataset) == {"training": 8, "held-out": 2}
    assert "4 files by suffix no image: .txt 2, no suffix 1, .json 1" in said
    assert "6 hidden or of the system" in said and "1 file in no class" in said
    pictures(tmp_path / "bird", 1)
    (tmp_path / "bird" / "0.jpg").rename(tmp_path / "bird" / "0.raw")
    with pytest.raises(ValueError, match=r"bird has no images\..*Received: 1 file .*\.raw 1"):
        load(tmp_path)


KINDS = (".tif", ".TIFF", ".jfif", ".jpe", ".jp2", ".avif", ".ppm", ".ico", ".tga", ".webp", ".bmp")


def test_every_suffix_that_pillow_reads(tmp_path):
    for name in ("cat", "dog"):
        for number, suffix in enumerate(KINDS):
            pictures(tmp_path / name, 1, suffix, first=number)
        Image.new("I;16", (40, 40), 30000).save(tmp_path / name / "16.png")
        Image.new("P", (40, 40)).save(tmp_path / name / "p.png")
        frames = [Image.new("RGB", (40, 40), (v, 0, 0)) for v in (200, 20)]
        frames[0].save(tmp_path / name / "x.tif", save_all=True, append_images=frames[1:])
    dataset, said = load(tmp_path)
    assert sum(sizes(dataset).values()) == 2 * (len(KINDS) + 3) and said == ""
    assert data.check(dataset) == {}
    images, _ = dataset.held_out_arrays()
    assert len(images) == len(dataset.held_out) and not dataset.bad_images
    pixels = data.read_rgb(tmp_path / "cat" / "x.tif")
    assert pixels.shape == (40, 40, 3) and (pixels[..., 0] == 200).all()  # the first frame
    for suffix in (".pdf", ".eps", ".h5", ".mpg"):  # no pictures, or another program's to read
        (tmp_path / "cat" / f"x{suffix}").write_text("")
    assert sizes(load(tmp_path)[0]) == sizes(dataset)


def test_pixels_whose_white_is_unknown(tmp_path):
    Image.fromarray(np.full((4, 4), 0.5, "float32")).save(tmp_path / "f.tif")
    Image.fromarray(np.full((4, 4), 70000, "int32")).save(tmp_path / "i.tif")
    for name in ("f.tif", "i.tif"):
        with pytest.raises(ValueError, match=rf"{name}: its pixels .* which"):
            data.read_rgb(tmp_path / name)


def test_links_are_followed_once(tmp_path):
    root, pool = tmp_path / "root", tmp_path / "pool"
    tree(root, {"cat/a": 3, "dog": 3})
    pictures(pool, 3, first=10)
    (root / "cat" / "loop").symlink_to(root)
    (root / "cat" / "self").symlink_to(root / "cat" / "self")
    (root / "cat" / "again").symlink_to(root / "cat" / "a")
    (root / "cat" / "0.jpg").symlink_to(pool / "10.jpg")
    (root / "cat" / "gone.jpg").symlink_to(tmp_path / "nothing.jpg")
    (root / "owl").symlink_to(pool)
    dataset, said = load(root)
    assert dataset.class_names == CLASSES and sum(sizes(dataset).values()) == 4 + 3 + 3
    assert "2 links broken" in said and "gone.jpg" in said and "2 links to folders" in said
    (root / "dog" / "more").symlink_to(pool)
    with pytest.raises(ValueError, match=r"dog and .*owl hold the same folder by links"):
        load(root)
    (root / "dog" / "more").unlink()
    (root / "elk").symlink_to(tmp_path / "nothing")
    with pytest.raises(ValueError, match=r"lead nowhere: .*elk"):
        load(root)


NAMES = ("two words", "[x]*", "new\nline", unicodedata.normalize("NFD", "é"), "雪")


@pytest.mark.slow
def test_names_of_every_kind(tmp_path):
    for name in NAMES:
        pictures(tmp_path / name, 2)
        (tmp_path / name / "1.jpg").rename(tmp_path / name / f"{name} 1.jpg")
    dataset, _ = load(tmp_path)
    assert set(dataset.class_names) == {unicodedata.normalize("NFC", name) for name in NAMES}
    assert len(dataset.held_out_arrays()[0]) == 5 and not dataset.bad_images
    assert len(dataset.calibration_images(5)) == 5 and not dataset.bad_images
    assert len(str(dataset).splitlines()) == 7


@pytest.mark.parametrize("name", [b"c\xffw", b"cat/\xff.jpg"])
def test_names_that_are_not_utf8(name, tmp_path):
    split(tmp_path, 2)
    path = os.path.join(os.fsencode(tmp_path), name)
    try:
        if name.endswith(b".jpg"):
            with open(path, "wb"):
                pass
        else:
            os.mkdir(path)
    except OSError:
        pytest.skip("this disk takes no such names")
    with pytest.raises(ValueError, match=r"UTF-8.*\\xff"):
        load(tmp_path)


def test_roots(tmp_path, monkeypatch):
    split(tmp_path / "photos", 2)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load(f"{tmp_path}/photos/")[0].name == f"folder:{tmp_path}/photos"
    assert load("~/photos")[0].class_names == CLASSES
    (tmp_path / "photos.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match="is a file: unpack it"):
        load(tmp_path / "photos.zip")
    for source in (str(tmp_path / "photos"), tmp_path / "photos"):
        with pytest.raises(ValueError, match=r"Did you mean 'folder:.*photos'\?"):
            data.load(source)
    with pytest.raises(ValueError, match="Unknown data source None"):
        data.load(None)
    for size in (0, -3, 32.5, "32", (32, 32), True, None):
        with pytest.raises(ValueError, match="`image_size` must be a whole number"):
            data.load(f"folder:{pathlib.Path(tmp_path)}/photos", image_size=size)
