"""Images with any number of labels: from a CSV file to batches."""

import coloured
import numpy as np
import pytest
from PIL import Image

import keras_senet
from keras_senet import data
from keras_senet.data.multi_label import as_multi_hot, spread

HEADER = "image,cat,dog"
LABELS = [[0, 0], [1, 0], [0, 1], [1, 1], [1, 0]] * 4


def table(tmp_path, lines=None, names="cat,dog", images=20):
    """A CSV file of so many pictures, with the labels above or other lines."""
    for number in range(images):
        Image.new("RGB", (16, 16), (number * 10, 0, 0)).save(tmp_path / f"{number}.png")
    if lines is None:
        lines = [f"{number}.png,{row[0]},{row[1]}" for number, row in enumerate(LABELS)]
    path = tmp_path / "labels.csv"
    path.write_bytes("\n".join([f"image,{names}", *lines, ""]).encode())
    return path


def test_a_table_without_splits(tmp_path):
    """Every fifth is held out, of images with and without each label."""
    dataset = data.load(f"csv:{table(tmp_path)}", image_size=16)
    assert dataset.multi_label and dataset.class_names == ("cat", "dog")
    assert [len(split) for split in dataset.splits.values()] == [16, 4]
    both = np.concatenate([split.labels for split in dataset.splits.values()])
    assert both.sum(0).tolist() == [12, 8]
    assert dataset.held_out.labels.sum(0).tolist() == [3, 2]  # 12 / 5 and 8 / 5, rounded up
    for split in dataset.splits.values():
        numbers = [int(split.name(i).rsplit("/")[-1][:-4]) for i in range(len(split))]
        assert split.labels.tolist() == [LABELS[number] for number in numbers]
    assert "2 labels, any number an image" in str(dataset)
    assert dataset.view.crop == 1.0 and dataset.augmentation == data.CIFAR  # small images


def test_splits_are_named_as_folders(tmp_path):
    words = ["train", "Val", "test", "training", "validation"] * 4
    lines = [f"{n}.png,{words[n]},{LABELS[n % 4][0]},{LABELS[n % 4][1]}" for n in range(20)]
    dataset = data.load_csv(table(tmp_path, lines, "split,cat,dog"), 16)
    assert {what: len(split) for what, split in dataset.splits.items()} == {
        "training": 8,
        "held-out": 8,
        "test": 4,
    }
    lines = [line.replace("Val", "test").replace("validation", "test") for line in lines]
    dataset = data.load_csv(table(tmp_path, lines, "split,cat,dog"), 16)
    assert dataset.test is None and len(dataset.held_out) == 12
    lines = [f"{n}.png,train,{a},{b}" for n, (a, b) in enumerate(LABELS)]
    with pytest.warns(UserWarning, match="has training images alone: every fifth"):
        dataset = data.load_csv(table(tmp_path, lines, "split,cat,dog"), 16)
    assert len(dataset.held_out) == 4 and dataset.test is None


def test_equivalent_files(tmp_path):
    """A mark of UTF-8, CRLF, quotes, blank lines, spaces and the order of lines say nothing."""
    plain = data.load_csv(table(tmp_path), 16)
    text = (tmp_path / "labels.csv").read_text()
    text = text.replace("\n", "\r\n").replace(",1", ', "1"').replace("cat", ' "cat" ', 1)
    text = text.replace(', "1"', ", 1").replace(' "cat" ', '"cat"') + "\r\n , ,\r\n"
    first, *lines = text.splitlines(keepends=True)
    text = "".join([first, *lines[::-1]])
    (tmp_path / "other.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    other = data.load_csv(tmp_path / "other.csv", 16)
    assert other.class_names == plain.class_names
    for split in ("training", "held_out"):
        assert getattr(other, split).items.tolist() == getattr(plain, split).items.tolist()
        assert getattr(other, split).labels.tolist() == getattr(plain, split).labels.tolist()


def changed(**lines):
    """The lines of the table, some of them replaced: `_3=...` for line 3 of the file."""
    rows = [f"{number}.png,{row[0]},{row[1]}" for number, row in enumerate(LABELS)]
    for number, line in lines.items():
        rows[int(number[1:]) - 2] = line
    return rows


MISTAKES = {
    "another first column": ("file,cat", changed(), "line 1: the first column is 'file'"),
    "semicolons": ("image;cat;dog", changed(), "line 1: .* is separated by other signs"),
    "no label": ("image,split", [], "line 1: no column of a label"),
    "a column twice": ("image,cat,dog,cat", changed(), "line 1: columns with the same name: cat"),
    "a column without name": ("image,cat,", changed(), "line 1: column 3 has no name"),
    "no image": (HEADER, [], "has no image below its first line"),
    "another value": (HEADER, changed(_4="2.png,0,2"), "line 4: '2' in column 'dog'"),
    "a word": (HEADER, changed(_4="2.png,yes,1"), "line 4: 'yes' in column 'cat'"),
    "a fraction": (HEADER, changed(_4="2.png,1.0,1"), r"line 4: '1\.0' in column 'cat'"),
    "a blank cell": (HEADER, changed(_4="2.png,,1"), "line 4: nothing in column 'cat'"),
    "a cell too few": (HEADER, changed(_9="7.png,1"), "line 9: 2 cells, in line 1 3"),
    "a cell too many": (HEADER, changed(_9="7.png,1,0,1"), "line 9: 4 cells"),
    "an image twice": (HEADER, changed(_9="./0.png,1,1"), "line 9: .* stands in line 2 already"),
    "a missing image": (HEADER, changed(_9="x.png,1,1"), "line 9: .* Missing in all: 1 of 20"),
    "another system's path": (HEADER, changed(_9="a\\x.png,1,1"), "Write / between"),
    "an image outside": (HEADER, changed(_9="../0.png,1,1"), "line 9: .* is no image within"),
    "an absolute path": (HEADER, changed(_9="/etc/0.png,1,1"), "line 9: .* is no image within"),
    "an empty path": (HEADER, changed(_9=",1,1"), "line 9: '' is no image within"),
    "an open quote": (HEADER, changed(_21='"19.png,1,1'), "line 21: no CSV"),
    "another split": (
        "image,cat,split",
        changed(_2="0.png,1,train", _3="1.png,1,fold1"),
        "line 3: 'fold1' in column 'split'",
    ),
    "a blank split": (
        "image,cat,split",
        changed(_2="0.png,1,train", _3="1.png,1,"),
        "line 3: nothing in column 'split'",
    ),
    "no image with a label": (
        HEADER,
        [f"{n}.png,0,{n % 2}" for n in range(20)],
        "no image with the label 'cat'",
    ),
    "no image without a label": (
        HEADER,
        [f"{n}.png,1,{n % 2}" for n in range(20)],
        "no image without the label 'cat'",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_name_the_line(tmp_path, name):
    header, lines, sentence = MISTAKES[name]
    path = table(tmp_path, lines)
    path.write_text("\n".join([header, *lines, ""]))
    with pytest.raises(ValueError, match=sentence) as raised:
        data.load(f"csv:{path}", image_size=16)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_more_mistakes(tmp_path):
    path = table(tmp_path)
    with pytest.raises(ValueError, match="It is not there"):
        data.load("csv:/nope.csv")
    with pytest.raises(ValueError, match="It is a folder"):
        data.load(f"csv:{tmp_path}")
    with pytest.raises(ValueError, match=r"Did you mean 'csv:.*labels.csv'\?"):
        data.load(str(path))
    path.write_bytes(b"image,cat\n0.png,1\n\xe4.png,0\n")
    with pytest.raises(ValueError, match=r"line 3: not UTF-8, byte 0xe4"):
        data.load_csv(path, 16)
    path.write_text("image,cat\n0.png,1\n".ljust(40), "utf-16")
    with pytest.raises(ValueError, match="line 1: not UTF-8, byte 0xff"):
        data.load_csv(path, 16)
    path.write_text("\n")
    with pytest.raises(ValueError, match="is empty"):
        data.load_csv(path, 16)
    lines = [f"{n}.png,{'val' if n < 5 else 'train'},{int(n > 9)}" for n in range(20)]
    with pytest.raises(ValueError, match=r"The 5 held-out images .* no image with the label 'cat'"):
        data.load_csv(table(tmp_path, lines, "split,cat"), 16)
    lines = [f"{n}.png,val,{n % 2}" for n in range(20)]
    with pytest.raises(ValueError, match="no image whose split is training"):
        data.load_csv(table(tmp_path, lines, "split,cat"), 16)


@pytest.mark.slow
def test_unreadable_images_are_counted_as_those_of_folders(tmp_path):
    path = table(tmp_path)
    (tmp_path / "1.png").write_bytes(b"no image")
    dataset = data.load_csv(path, 16)
    for _, labels in dataset.train(8).take(4):
        assert labels.shape == (8, 2)
    assert list(data.check(dataset)) == [str(tmp_path / "1.png")]
    for number in range(2, 9):
        (tmp_path / f"{number}.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="cannot be read"), dataset.bad_images.unwrapped():
        list(data.load_csv(path, 16).train(16).take(4))


@pytest.mark.slow
def test_batches_have_the_labels_of_their_images(tmp_path):
    """Red is ten times the number of an image, whose labels repeat after five."""
    dataset = data.load_csv(table(tmp_path), 16)
    images, labels = dataset.held_out_arrays()
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, np.array(LABELS)[images[:, 0, 0, 0] // 10])
    images, labels = next(iter(dataset.train(8, augmentation=data.NONE)))
    np.testing.assert_array_equal(labels, np.array(LABELS)[images.numpy()[:, 0, 0, 0] // 10])


@pytest.mark.slow
def test_mixup_shares_labels(tmp_path):
    """Pairs have shares s and 1 - s of their own labels, by the formula."""
    dataset = data.load_csv(table(tmp_path), 16)
    mixup = data.NONE.replace(mixup=1.0)
    _, plain = next(iter(dataset.train(8, augmentation=data.NONE)))
    _, mixed = next(iter(dataset.train(8, augmentation=mixup)))
    plain, mixed = plain.numpy().astype("float64"), mixed.numpy()
    assert mixed.shape == (8, 2)
    for first in range(0, 8, 2):
        pair, found = plain[first : first + 2], mixed[first : first + 2]
        np.testing.assert_allclose(found.sum(0), pair.sum(0), atol=1e-6)
        for column in np.flatnonzero(pair[0] != pair[1]):
            assert 0 < found[0, column] < 1
        for column in np.flatnonzero(pair[0] == pair[1]):
            np.testing.assert_allclose(found[:, column], pair[0, column], atol=1e-6)


def test_divisions_give_each_label_its_part(tmp_path):
    dataset = data.load_csv(coloured.write(tmp_path / "set", 80), 32)
    folds = [data.fold(dataset, number, 4) for number in range(1, 5)]
    names = [name for fold in folds for name in fold.held_out.items]
    assert len(names) == len(set(names)) == 80
    for fold in folds:
        assert fold.held_out.labels.sum(0).tolist() == [10, 10]  # a quarter of 40
    assert data.hold_out(dataset, 0.1).held_out.labels.sum(0).tolist() == [4, 4]
    with pytest.raises(ValueError, match=r"Label 'disc' of .* has 40 images, of which 0 are held"):
        data.fold(dataset.replace(class_names=("disc", "square")), 80, 80)


def test_the_rarest_label_is_spread_first():
    labels = np.zeros((100, 2), int)
    labels[:40, 0] = 1
    labels[95:, 1] = 1  # five images, every fifth of which is one
    held = labels[spread(labels, np.arange(100))[::5]]
    assert held.sum(0).tolist() == [8, 1]


def test_labels_are_not_guessed():
    """One-hot rows could be labels of which each image happens to have one."""
    images = np.full((4, 16, 16, 3), 9, "uint8")
    rows = np.eye(2, dtype=int)[[0, 1, 1, 0]]
    assert data.Split(images, rows).labels.tolist() == [0, 1, 1, 0]
    assert data.Split(images, rows, multi_label=True).labels.tolist() == rows.tolist()
    with pytest.raises(ValueError, match="multi_label=True"):
        data.Split(images, [[1, 1], [0, 1], [0, 0], [1, 0]])
    for wrong in ([[0, 2]], [[0.5, 1]], [["a", "b"]], [[[1]]], np.zeros((2, 0))):
        with pytest.raises(ValueError, match="Expected labels"):
            as_multi_hot(wrong)
    assert as_multi_hot([True, False]).tolist() == [[1], [0]]


def test_data_sets_are_of_one_kind():
    images = np.full((4, 16, 16, 3), 9, "uint8")
    several = data.Split(images, [[1], [0], [1], [0]], multi_label=True)
    assert data.Dataset("one", ("cat",), 16, several, several).multi_label
    with pytest.raises(ValueError, match="Expected all alike"):
        data.Dataset("one", ("cat",), 16, several, data.Split(images, [0, 0, 0, 0]))
    with pytest.raises(ValueError, match=r"2 names of labels. Its training labels have 1 columns"):
        data.Dataset("one", ("cat", "dog"), 16, several, several)
    with pytest.raises(ValueError, match="at least one label"):
        data.Dataset("one", (), 16, several, several)
    dataset = data.Dataset("one", ("cat",), 16, several, several)
    with pytest.raises(ValueError, match="Expected sampling 'uniform'"):
        dataset.train(2, sampling="class_balanced")
    with pytest.raises(ValueError, match="one class an image"):
        dataset.long_tailed(10)
    assert keras_senet.data.load("digits").multi_label is False
