"""What a verification says of half precision, in which the GPUs of phones compute."""

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet import export


def report_of(layers, image, tmp_path):
    model = keras.Sequential([keras.Input(image.shape), *layers])
    path = export.to_tflite(model, tmp_path / "model.tflite", overwrite=True)
    return export.verify(model, path, image[None])


def test_sums_of_averages_count(tmp_path):
    image = np.full((16, 16, 2), 100.0, "float32")
    found = report_of([keras.layers.GlobalAveragePooling2D()], image, tmp_path)
    assert found.largest_intermediate == 64 * 100  # a window of 8x8, not 256 pixels at once
    assert "values up to 6.4e+03" in str(found) and "half precision" not in str(found)


def test_what_half_precision_cannot_hold_is_said(tmp_path):
    image = np.full((4, 4, 1), 255.0, "float32")
    double = keras.layers.Conv2D(1, 1, kernel_initializer=keras.initializers.Constant(300.0))
    halve = keras.layers.Conv2D(1, 1, kernel_initializer=keras.initializers.Constant(1e-3))
    found = report_of([double, keras.layers.ReLU(), halve], image, tmp_path)
    np.testing.assert_allclose(found.largest_intermediate, 300 * 255, rtol=1e-6)
    assert "above 65504 where half precision ends" in str(found)


@pytest.mark.slow
def test_of_a_network_it_is_what_its_file_computes(tmp_path):
    """Folded: what a normalization divides by its deviation is not in the file."""
    model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))(classes=3)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_variance.assign(layer.moving_variance * 1e12)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("float32")
    path = export.to_tflite(model, tmp_path / "model.tflite")
    found = export.verify(model, path, images).largest_intermediate
    pixels = model.get_layer("preprocessing")(images)
    largest = float(keras.ops.max(keras.ops.abs(pixels)))
    np.testing.assert_allclose(found, largest, rtol=1e-5)
