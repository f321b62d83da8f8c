"""Filters whose weights are tiny beside their bias, or all the same bytes, in files of integers."""

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet import export

QUANTIZED = ("dynamic", "int8", "int8_full")


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 255, (24, 16, 16, 3)).astype("float32")


def network(scale, bias):
    """An image to 16 maps, each a share `scale` of a convolution and its bias, and their gates.

    The outputs are the averages of the gated maps, so that each bias is seen in one of them.
    """
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 16, 3))
    convolution = keras.layers.Conv2D(16, 3, padding="same", activation="relu")
    x = keras_senet.layers.SqueezeExcitation(4, start=0.9)(convolution(image))
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))
    kernel, _ = convolution.get_weights()
    kernel[..., ::2] *= scale  # every other filter, beside ordinary ones
    # `0.0 +` makes zeros of both signs the same bytes.
    convolution.set_weights([0.0 + kernel / 255, np.linspace(bias, 2 * bias, 16)])
    return model


@pytest.mark.at_first(every=12)
@pytest.mark.parametrize("quantization", QUANTIZED)
@pytest.mark.parametrize("scale", [1e-4, 1e-6, 1e-8, 0.0])
def test_a_bias_is_kept(scale, quantization, images, tmp_path):
    """A step of int8 is the range of the outputs over 255; a few of them add up on the way."""
    model = network(scale, 1.0)
    known = images if quantization != "dynamic" else None
    path = export.to_tflite(
        model, tmp_path / "m.tflite", quantization=quantization, calibration_images=known
    )
    expected = model.predict(images, verbose=0)
    received = export.verify(model, path, images)
    assert received.largest_difference < 4 * np.ptp(expected) / 255


@pytest.mark.at_first(every=5)
@pytest.mark.parametrize("factor", [1e-2, 1e-3, 1e-5, 1e-9, 0.0])
def test_gates_that_are_nearly_constant_stay_open(factor, images, tmp_path):
    """With a bias of 4 a gate is 0.98; where the bias was cut off it was a half."""
    image = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(64, 3, padding="same", activation="relu")(image)
    block = keras_senet.layers.SqueezeExcitation(16)
    gates = keras.layers.GlobalAveragePooling2D()(block(x))
    model = keras.Model(image, gates)
    for weight in block.weights:
        value = np.asarray(weight)
        if "kernel" in weight.path:
            weight.assign(0.0 + value * factor)
        else:
            weight.assign(np.full(value.shape, 4.0 if "expand" in weight.path else 0.0))
    expected = model.predict(images, verbose=0)
    for quantization in QUANTIZED:
        known = images if quantization != "dynamic" else None
        path = export.to_tflite(
            model,
            tmp_path / f"{quantization}.tflite",
            quantization=quantization,
            calibration_images=known,
        )
        report = export.verify(model, path, images)
        assert report.largest_difference < 4 * expected.max() / 255, quantization


@pytest.mark.at_first("int8")
@pytest.mark.parametrize("quantization", ["float16", "dynamic", "int8", "int8_full"])
def test_sensitivity_is_that_of_float32_files(quantization, images, tmp_path):
    known = images if "int8" in quantization else None
    path = export.to_tflite(
        network(1.0, 1.0),
        tmp_path / "m.tflite",
        quantization=quantization,
        calibration_images=known,
    )
    with pytest.raises(ValueError, match="Expected a float32"):
        export.sensitivity(path, images)
