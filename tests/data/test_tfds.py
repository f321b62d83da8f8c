"""Data sets of TensorFlow Datasets in both of its file formats."""

import numpy as np
import pytest

tfds = pytest.importorskip("tensorflow_datasets")
from keras_senet import data  # noqa: E402


class Colours(tfds.core.GeneratorBasedBuilder):
    """30 and 10 images of one colour; the value of the first channel numbers them."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(None, None, 3), encoding_format="jpeg"),
                "label": tfds.features.ClassLabel(names=["one", "two", "three"]),
            }
        )
        return self.dataset_info_from_configs(features=features)

    def _split_generators(self, manager):
        return {"train": self._images(0, 30), "test": self._images(30, 40)}

    def _images(self, first, last):
        for number in range(first, last):
            image = np.full((40, 50, 3), 6 * number, "uint8")
            yield number, {"image": image, "label": number % 3}

    def _generate_examples(self):
        raise NotImplementedError


@pytest.fixture(params=["tfrecord", "array_record"])
def dataset(request, tmp_path, monkeypatch):
    builder = Colours(data_dir=tmp_path, file_format=request.param)
    builder.download_and_prepare()
    monkeypatch.setattr(tfds, "builder", lambda name: builder)
    return data.load("tfds:colours", image_size=16)


@pytest.mark.slow
def test_examples_are_read_by_number(dataset):
    assert dataset.class_names == ("one", "two", "three")
    images, labels = dataset.held_out_arrays()
    assert images.shape == (10, 16, 16, 3)
    numbers = np.rint(images[:, 8, 8, 0] / 6).astype(int)
    assert sorted(numbers) == list(range(30, 40))
    np.testing.assert_array_equal(numbers % 3, labels)
    np.testing.assert_array_equal(np.bincount(dataset.training.labels), [10, 10, 10])
    seen = [
        np.rint(batch[:, 8, 8, 0] / 6) for batch, _ in dataset.train(10).take(3).as_numpy_iterator()
    ]
    assert sorted(np.concatenate(seen)) == list(range(30))
    _, labels = next(dataset.train(30, sampling="class_balanced").as_numpy_iterator())
    np.testing.assert_array_equal(np.bincount(labels), [10, 10, 10])
    assert dataset.training.name(3).endswith("colours/1.0.0/train[3]")
    assert data.check(dataset) == {}


@pytest.mark.slow
def test_fake_mnist_of_tensorflow_datasets(tmp_path, monkeypatch):
    """Grey PNG images and numbered classes, in the data set that TFDS tests itself with."""
    builder = tfds.testing.DummyMnist(data_dir=tmp_path)
    builder.download_and_prepare()
    monkeypatch.setattr(tfds, "builder", lambda name: builder)
    dataset = data.load("tfds:dummy_mnist", image_size=28)
    assert dataset.class_names == tuple("0123456789")
    assert dataset.augmentation == data.CIFAR
    images, labels = dataset.held_out_arrays()
    np.testing.assert_array_equal(images, np.ones((20, 28, 28, 3)))  # all of its pixels are 1
    np.testing.assert_array_equal(np.bincount(labels), [2] * 10)


@pytest.mark.at_first("cifar10-10")
@pytest.mark.parametrize(("name", "classes"), [("cifar10", 10), ("cifar100", 100)])
def test_cifar_from_its_own_files(name, classes, tmp_path, monkeypatch):
    """TFDS' own builders, on files in CIFAR's format: of CIFAR-100 the fine classes are learned.

    A file is of images of one byte for each label, the coarse one first, and 3072 pixels, red ones
    first (https://www.cs.toronto.edu/~kriz/cifar.html).
    """
    builder = tfds.builder(name, data_dir=tmp_path / "prepared")
    files = builder._cifar_info
    folder = tmp_path / "fetched" / files.prefix
    folder.mkdir(parents=True)
    for key, file in zip(files.label_keys, files.label_files, strict=True):
        words = [f"{key} {number}" for number in range(builder.info.features[key].num_classes)]
        (folder / file).write_text("\n".join(words))
    for file in (*files.train_files, *files.test_files):
        images = [
            bytes([*([number % 20] if classes == 100 else []), number])
            + np.repeat(np.uint8([number, 100, 200]), 1024).tobytes()
            for number in range(classes)
        ]
        (folder / file).write_bytes(b"".join(images))
    monkeypatch.setattr(
        tfds.download.DownloadManager, "download_and_extract", lambda *_: tmp_path / "fetched"
    )
    builder.download_and_prepare()
    monkeypatch.setattr(tfds, "builder", lambda name: builder)
    dataset = data.load(f"tfds:{name}", image_size=32)
    assert dataset.class_names == tuple(f"label {number}" for number in range(classes))
    assert dataset.augmentation == data.CIFAR
    assert len(dataset.training.labels) == classes * len(files.train_files)
    images, labels = dataset.held_out_arrays()
    assert sorted(labels) == list(range(classes))
    for image, label in zip(images, labels, strict=True):  # whole, as stored
        np.testing.assert_array_equal(image, np.broadcast_to([label, 100, 200], (32, 32, 3)))


class Made(tfds.core.GeneratorBasedBuilder):
    """Four images in each of the splits that a test names; the labels of `unknown` are -1."""

    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, splits=("train", "test"), pixels="uint8", unknown=(), **options):
        self.split_names, self.pixels, self.unknown = splits, np.dtype(pixels), unknown
        super().__init__(**options)

    def _info(self):
        channels = 3 if self.pixels == "uint8" else 1
        image = tfds.features.Image(shape=(8, 8, channels), dtype=self.pixels)
        features = {"image": image, "label": tfds.features.ClassLabel(names=["one", "two"])}
        features["parts"] = tfds.features.LabeledImage(labels=3, shape=(8, 8, 1))
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _split_generators(self, manager):
        return {name: self._images(name) for name in self.split_names}

    def _images(self, split):
        parts, step = np.zeros((8, 8, 1), "uint8"), 60 if self.pixels == "uint8" else 5000
        for number in range(4):
            image = np.full(self.info.features["image"].shape, step * number, self.pixels)
            label = -1 if split in self.unknown else number % 2
            yield number, {"image": image, "label": label, "parts": parts}

    def _generate_examples(self):
        raise NotImplementedError


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A function from arguments of `Made` to the data set as it is loaded."""

    def load(**options):
        builder = Made(data_dir=tmp_path, **options)
        builder.download_and_prepare()
        monkeypatch.setattr(tfds, "builder", lambda name: builder)
        return data.load("tfds:made", image_size=8)

    return load


def test_pixels_in_floats_are_refused(made):
    with pytest.raises(ValueError, match=r"'image' of made holds pixels of float32.* uint16\."):
        made(pixels="float32")


@pytest.mark.slow
def test_sixteen_bits(made):
    images, _ = made(pixels="uint16").held_out_arrays()
    assert sorted(images[:, 0, 0, 0]) == [0, 19, 39, 58]  # 5000 * number / 257


@pytest.mark.parametrize(
    ("names", "held_out", "test"),
    [
        (("train", "validation", "test"), "validation", "test"),
        (("train", "val"), "val", None),
        (("train", "dev", "test", "test2015", "extra"), "dev", "test"),
        (("train", "test"), "test", None),
    ],
)
def test_splits_are_understood_by_name(made, names, held_out, test):
    dataset = made(splits=names)
    assert dataset.held_out.split == held_out
    assert getattr(dataset.test, "split", None) == test


def test_a_test_without_labels_is_left_out(made):
    splits = ("train", "validation", "test")
    with pytest.warns(UserWarning, match=r"split test of made/1\.0\.0 has no labels"):
        assert made(splits=splits, unknown=("test",)).test is None


def test_missing_splits(made):
    with pytest.raises(ValueError, match=r"Expected splits train and .*\['train'\]"):
        made(splits=("train",))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("imagnet2012", "no data set 'imagnet2012'. Did you mean imagenet2012"),
        ("mnist:9.9.9", "cannot load 'mnist:9.9.9': Dataset mnist cannot be loaded at version"),
        ("mnist/x", "cannot load 'mnist/x': BuilderConfig x not found"),
        ("../x", r"cannot load '\.\./x': Parsing"),
    ],
)
def test_unknown_names_are_said_in_a_sentence(name, message):
    with pytest.raises(ValueError, match=message) as error:
        data.load(f"tfds:{name}")
    assert len(str(error.value)) < 400
