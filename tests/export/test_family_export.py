"""Every network becomes one piece of XNNPACK: no Flex operator, no operator left outside."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from small import distinct, shallow, size, variants

from keras_senet import export

# The default suite takes a few, the slow one all with SE, and one without of each family: all
# operators of a plain network are in its SE twin.
FAST = ("SEBNInception", "MobileNetV3Large", "SEShuffleNet", "RegNetY002")
PLAIN = {type(value): name for name, value in variants().items() if value.se is None}
NAMES = [
    name if name in FAST else pytest.param(name, marks=pytest.mark.slow)
    for name in dict.fromkeys([*distinct(), *PLAIN.values()])
    if variants()[name].se is not None or name in PLAIN.values()
]


def partition(path):
    """Operators of a file, and what its delegate leaves outside: (before, after, beside)."""
    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    nodes = interpreter._get_ops_details()
    names = {node["op_name"] for node in nodes}
    (delegate,) = (node for node in nodes if node["op_name"] == "DELEGATE")
    (image,) = (x["index"] for x in interpreter.get_input_details())
    (output,) = (x["index"] for x in interpreter.get_output_details())
    made = {index for node in nodes if node is not delegate for index in node["outputs"]}
    return names, (
        image not in delegate["inputs"],
        list(delegate["outputs"]) != [output],
        bool(made & set(delegate["inputs"])),
    )


@pytest.mark.parametrize("name", NAMES)
def test_one_partition_without_flex(name, tmp_path):
    network = shallow(variants()[name])
    pixels = size(network)
    model = network(input_shape=(pixels, pixels, 3), classes=5)
    path = export.to_tflite(model, tmp_path / "network.tflite")
    names, outside = partition(path)
    assert not any(name.startswith("Flex") for name in names)
    assert outside == (False, False, False)
    x = np.random.default_rng(0).integers(0, 256, (2, pixels, pixels, 3)).astype("uint8")
    assert export.verify(model, path, x).largest_difference < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("quantization", ["dynamic", "int8"])
@pytest.mark.parametrize("name", (*FAST, "ResNetRS50", "EfficientNetB0", "EfficientNetV2S"))
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
