"""Images to judge by that are training images too."""

import logging
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from keras_senet import data
from keras_senet.data.copies import copies
from keras_senet.training.unseen import warn_of_copies

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (12, 16, 16, 3), "uint8")
LABELS = np.arange(12) % 2


def of_pixels(held_out):
    split = data.Split(PIXELS, LABELS)
    return data.Dataset("pixels", ("cat", "dog"), 16, split, held_out)


@pytest.fixture
def photos(tmp_path):
    """Six images of each class in `train`, three of them again in `val` beside others of a size."""
    for number, pixels in enumerate(PIXELS):
        path = tmp_path / "train" / ("cat", "dog")[number % 2] / f"{number}.bmp"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    for number in range(6):
        path = tmp_path / "val" / ("cat", "dog")[number % 2] / f"x{number}.bmp"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(255 - PIXELS[number]).save(path)
    for number in (0, 1, 4):
        name = ("cat", "dog")[number % 2]
        shutil.copy(tmp_path / "train" / name / f"{number}.bmp", tmp_path / "val" / name)
    return data.load(f"folder:{tmp_path}", image_size=16)


def test_copies_of_files_are_found_by_their_bytes(photos, caplog):
    found = copies(photos.training, photos.held_out)
    names = {(photos.held_out.name(a), photos.training.name(b)) for a, b in found.items()}
    assert {tuple(name.split("/")[-1] for name in pair) for pair in names} == {
        (f"{number}.bmp", f"{number}.bmp") for number in (0, 1, 4)
    }
    warn_of_copies(photos)
    assert "3 of 9 held-out images" in caplog.text and "train" in caplog.text


def test_copies_of_pixels_are_found(caplog):
    others = 255 - PIXELS[:4]
    warn_of_copies(of_pixels(data.Split(others, LABELS[:4])))
    assert not caplog.records
    held_out = data.Split(np.concatenate([others, PIXELS[7:9]]), [0, 1, 0, 1, 1, 0])
    dataset = of_pixels(held_out)
    assert copies(dataset.training, held_out) == {4: 7, 5: 8}
    warn_of_copies(dataset.replace(test=held_out, held_out=data.Split(others, LABELS[:4])))
    assert "2 of 6 test images" in caplog.text and "number 4 (of the training" in caplog.text


def test_a_file_that_is_gone_is_no_copy(photos, tmp_path):
    for path in tmp_path.rglob("*.bmp"):
        path.unlink()
    assert copies(photos.training, photos.held_out) == {}


@pytest.mark.parametrize("source", ["digits", "shapes"])
def test_data_of_this_package_have_none(source):
    dataset = data.load(source, image_size=32)
    assert copies(dataset.training, dataset.held_out) == {}


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() == "torch", reason="no training on PyTorch")
def test_a_run_says_so(tmp_path, caplog):
    import keras_senet

    recipe = keras_senet.training.DIGITS.replace(epochs=1, warmup_epochs=0, batch_size=4)
    dataset = of_pixels(data.Split(PIXELS, LABELS))
    network = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
    with caplog.at_level(logging.WARNING):
        keras_senet.training.train(network, dataset, recipe, tmp_path / "run")
    assert "12 of 12 held-out images of pixels" in caplog.text
