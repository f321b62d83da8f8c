"""Every network becomes one piece of XNNPACK: no Flex operator, no operator left outside."""

import keras
import numpy as np
import pytest
from small import distinct, shallow, size, variants
from xnnpack import partition

from keras_senet import export

# All with SE, and one without of each family: all operators of a plain network are in its SE twin.
PLAIN = {type(value): name for name, value in variants().items() if value.se is None}
NAMES = [
    name
    for name in dict.fromkeys([*distinct(), *PLAIN.values()])
    if variants()[name].se is not None or name in PLAIN.values()
]


@pytest.mark.at_first("RegNetY002")
@pytest.mark.parametrize("name", NAMES)
def test_one_partition_without_flex(name, tmp_path):
    network = shallow(variants()[name])
    pixels = size(network)
    x = np.random.default_rng(0).integers(0, 256, (4, pixels, pixels, 3)).astype("uint8")
    keras.utils.set_random_seed(0)
    # Logits: a softmax that says 0 and 1 would hide every difference.
    model = network(input_shape=(pixels, pixels, 3), classes=5, classifier_activation=None)
    path = export.to_tflite(model, tmp_path / "network.tflite")
    names, outside = partition(path)
    assert not any(name.startswith("Flex") for name in names)
    assert outside == (False, False, False)
    largest = np.abs(model.predict(x, verbose=0)).max()
    assert export.verify(model, path, x).largest_difference < 1e-5 * largest


QUANTIZED = (
    "SEBNInception",
    "MobileNetV3Large",
    "SEShuffleNet",
    "RegNetY002",
    "ResNetRS50",
    "EfficientNetB0",
    "EfficientNetV2S",
)


@pytest.mark.slow
@pytest.mark.parametrize("quantization", ["dynamic", "int8"])
@pytest.mark.parametrize("name", QUANTIZED)
def test_one_partition_when_quantized(name, quantization, tmp_path):
    """Pooling, hard swish and, with dynamic ranges, depthwise convolutions have no int8 kernels."""
    network = shallow(variants()[name])
    pixels = size(network)
    x = np.random.default_rng(0).integers(0, 256, (4, pixels, pixels, 3)).astype("uint8")
    keras.utils.set_random_seed(0)
    model = network(input_shape=(pixels, pixels, 3), classes=5)
    path = export.to_tflite(
        model,
        tmp_path / "network.tflite",
        quantization=quantization,
        calibration_images=x if quantization == "int8" else None,
    )
    _, outside = partition(path)
    assert outside == (False, False, False)


@pytest.mark.slow
def test_operations_between_layers_are_exported_in_float32(tmp_path):
    """ShuffleNetV2 splits its channels with keras.ops, which has no dtype of its own."""
    network = shallow(variants()["SEShuffleNetV2x05"])
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = network(input_shape=(64, 64, 3), classes=5)
    finally:
        keras.config.set_dtype_policy("float32")
    path = export.to_tflite(model, tmp_path / "network.tflite")
    x = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype("uint8")
    assert export.verify(model, path, x).largest_difference < 1e-5
