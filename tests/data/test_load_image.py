"""Images as timm's evaluation makes them; names of classes."""

import dataclasses
import io
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet.weights import CIFAR, RECORDS, fingerprint

Image = pytest.importorskip("PIL.Image")
PHOTOS = ("china.jpg", "flower.jpg")
GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "views.npz"


def photo(name):
    datasets = pytest.importorskip("sklearn.datasets")
    return pathlib.Path(datasets.__file__).parent / "images" / name


def network(size, crop, interpolation, crop_mode="center"):
    """A model of nothing but the preprocessing layer."""
    preprocessing = dataclasses.replace(
        CIFAR, crop=crop, interpolation=interpolation, crop_mode=crop_mode
    )
    image = keras.Input((size, size, 3))
    return keras.Model(image, preprocessing.layer(size=size)(image))


VIEWS = sorted(
    {
        (r.input_size, *(getattr(r.preprocessing, name) for name in fingerprint.VIEW))
        for r in RECORDS
    }
)


@pytest.mark.parametrize("name", PHOTOS)
def test_views_of_all_records_are_those_of_timm(name):
    golden = np.load(GOLDEN)
    for size, crop, interpolation, mode in VIEWS:
        image = keras_senet.load_image(photo(name), network(size, crop, interpolation, mode))
        assert image.shape == (1, size, size, 3) and image.dtype == np.uint8
        # Every 37th row and 41st column, and the means over all.
        key = f"{name}/{size}/{crop}/{interpolation}/{mode}"
        values = image[0].astype("float64")
        assert np.abs(values[::37, ::41] - golden[f"{key}/pixels"]).mean() <= 1
        assert np.abs(values.mean((0, 1)) - golden[f"{key}/mean"]).max() <= 0.1


@pytest.mark.parametrize("mode", ["center", "squash"])
def test_the_view_travels_with_the_model(mode, tmp_path):
    model = network(64, 0.9, "bicubic", mode)
    model.save(tmp_path / "x.keras")
    expected = keras_senet.load_image(photo("china.jpg"), model)
    loaded = keras.saving.load_model(tmp_path / "x.keras")
    np.testing.assert_array_equal(keras_senet.load_image(photo("china.jpg"), loaded), expected)


def test_orientation_formats_and_other_shapes(tmp_path):
    pixels = np.asarray(Image.open(photo("china.jpg")))
    turned = Image.fromarray(np.rot90(pixels))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    model = network(64, 0.875, "bilinear")
    for suffix in ("png", "webp"):
        turned.save(tmp_path / f"x.{suffix}", exif=exif, lossless=True)
        np.testing.assert_array_equal(
            keras_senet.load_image(tmp_path / f"x.{suffix}", model),
            keras_senet.load_image(photo("china.jpg"), model),
        )
    buffer = io.BytesIO()
    turned.save(buffer, "png", exif=exif)
    assert keras_senet.load_image(buffer.getvalue(), model).shape == (1, 64, 64, 3)
    wide = keras_senet.SEResNet20.replace(depths=(1, 1, 1))(input_shape=(32, 96, 3))
    assert keras_senet.load_image(photo("flower.jpg"), wide).shape == (1, 32, 96, 3)


def test_models_without_preprocessing_are_refused():
    model = keras_senet.SEResNet20(include_preprocessing=False)
    with pytest.raises(ValueError, match="include_preprocessing=True"):
        keras_senet.load_image(photo("china.jpg"), model)
    with pytest.raises(TypeError, match=r"Keras model .* Received: View"):
        keras_senet.load_image(photo("china.jpg"), keras_senet.data.View((32, 32)))


@pytest.mark.slow
def test_tensorflow_is_not_needed():
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "import keras_senet\n"
        "m = keras_senet.SEResNet20.replace(depths=(1, 1, 1))()\n"
        f"print(keras_senet.load_image({str(photo('china.jpg'))!r}, m).shape)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"KERAS_BACKEND": "jax", "PYTHONPATH": ":".join(sys.path), "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "(1, 32, 32, 3)", done.stderr[-500:]
