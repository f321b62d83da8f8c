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
