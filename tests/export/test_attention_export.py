"""ECA, eSE and scSE in exported files: exact, and in one piece."""

import dataclasses

import keras
import numpy as np
import pytest
from xnnpack import partition

import keras_senet
from keras_senet import ECAConfig, ESEConfig, SCSEConfig, export

DESIGNS = {
    "eca": ECAConfig(),
    "ese": ESEConfig(),
    "scse": SCSEConfig(),
    "scse_max": SCSEConfig(combination="max"),
}
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype("uint8")


def network(design, **fields):
    keras.utils.set_random_seed(0)
    network = keras_senet.SEResNet50.replace(depths=(1, 1, 1, 1), se=DESIGNS[design], **fields)
    return network(input_shape=(32, 32, 3), classes=5)


@pytest.fixture(scope="module", params=DESIGNS)
def model(request):
    return network(request.param)


@pytest.mark.at_first("scse")
def test_folding_is_exact(model):
    folded = export.fold(model)
    np.testing.assert_allclose(folded(IMAGES), model(IMAGES), atol=5e-6)
    kinds = {type(layer) for layer in folded.layers}
    assert keras_senet.layers.BatchNormalization not in kinds
    # What is behind a convolution that widens is computed of its input; ECA is not.
    others = {keras_senet.layers.EffectiveSE, keras_senet.layers.SpatialChannelSE}
    assert not kinds & others
    assert folded.count_params() < model.count_params()


@pytest.mark.at_first("scse-int8")
@pytest.mark.parametrize("quantization", [None, "int8"])
def test_one_partition(model, quantization, tmp_path):
    images = IMAGES if quantization else None
    path = export.to_tflite(
        model, tmp_path / "m.tflite", quantization=quantization, calibration_images=images
    )
    names, outside = partition(path)
    assert not any(name.startswith("Flex") for name in names)
    assert outside == (False, False, False)
    if quantization is None:
        assert export.verify(model, path, IMAGES).largest_difference < 1e-5


@pytest.mark.slow
def test_saved_model(model, tmp_path):
    path = export.to_saved_model(model, tmp_path / "served")
    assert export.verify(model, path, IMAGES).largest_difference < 1e-5


def test_onnx(model, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    path = export.to_onnx(model, tmp_path / "m.onnx")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (outputs,) = session.run(None, {session.get_inputs()[0].name: IMAGES.astype("float32")})
    np.testing.assert_allclose(outputs, model.predict_on_batch(IMAGES), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
def test_one_partition_behind_an_activation(design, tmp_path):
    """Where the block cannot be computed of what a convolution before it reads."""
    se = dataclasses.replace(DESIGNS[design], placement="3x3")
    keras.utils.set_random_seed(0)
    model = keras_senet.MobileNetV3Small.replace(se=se)(input_shape=(64, 64, 3), classes=5)
    images = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3)).astype("uint8")
    for name, quantization in (("float", None), ("int8", "int8")):
        path = export.to_tflite(
            model,
            tmp_path / f"{name}.tflite",
            quantization=quantization,
            calibration_images=images if quantization else None,
        )
        assert partition(path)[1] == (False, False, False)
