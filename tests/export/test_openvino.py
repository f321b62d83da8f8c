"""int8 files for OpenVINO, which reads an operator's kind from another field than LiteRT."""

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import keras_senet
from keras_senet import export
from keras_senet.export.tflite.litert import LiteRT

PLACEHOLDER = 127  # BuiltinOperator_PLACEHOLDER_FOR_GREATER_OP_CODES of the schema


@pytest.fixture(scope="module", params=["int8", "int8_full", "dynamic"])
def path(request, tmp_path_factory):
    keras.utils.set_random_seed(0)
    images = keras_senet.data.load("digits").calibration_images(16)
    model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))(input_shape=(32, 32, 3), classes=4)
    given = {} if request.param == "dynamic" else {"calibration_images": images}
    folder = tmp_path_factory.mktemp("files")
    return export.to_tflite(model, folder / "m.tflite", quantization=request.param, **given)


@pytest.mark.at_first("int8")
def test_both_fields_of_each_code_say_the_operator(path):
    """The schema: `deprecated_builtin_code` up to 127, where it says to look at the other."""
    model = schema.Model.GetRootAsModel(path.read_bytes(), 0)
    codes = [model.OperatorCodes(index) for index in range(model.OperatorCodesLength())]
    pairs = [(code.BuiltinCode(), code.DeprecatedBuiltinCode()) for code in codes]
    assert all(old == min(new, PLACEHOLDER) for new, old in pairs)
    assert len(pairs) > 5


@pytest.mark.at_first("int8_full")
def test_openvino_computes_what_litert_does(path):
    openvino = pytest.importorskip("openvino", reason="needs `pip install openvino`")
    compiled = openvino.Core().compile_model(str(path), "CPU")
    litert = LiteRT(path)
    images = keras_senet.data.load("digits").held_out_arrays(16)[0].astype(litert.dtype)
    expected = litert(images)
    scores = np.concatenate([np.array(compiled(image[None])[0]) for image in images])
    scale, zero = litert.output["quantization"]
    scores = (scores.astype("float32") - zero) * scale if scale else scores
    np.testing.assert_allclose(scores, expected, atol=0.03)
