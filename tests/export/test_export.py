"""Artefacts equal the model, run in plain runtimes, and appear whole or not at all."""

import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from sklearn.datasets import load_digits

import keras_senet
from keras_senet import export

SMALL = keras_senet.SEResNet20.replace(depths=(1, 1, 1))


@pytest.fixture(scope="module")
def digits():
    """Real images in 0..255 at 32x32x3, and their labels."""
    bundle = load_digits()
    pixels = np.kron(bundle.images, np.ones((4, 4))) * (255 / 16)
    return np.repeat(pixels[..., None], 3, -1).astype("uint8"), bundle.target


@pytest.fixture(scope="module")
def model(digits):
    """Not trained, but its normalization knows the images."""
    keras.utils.set_random_seed(0)
    network = SMALL()
    for _ in range(3):
        for layer in network.layers:
            layer.momentum = 0.5
        network(digits[0][:100], training=True)
    return network


@pytest.fixture(scope="module")
def trained(digits):
    keras.utils.set_random_seed(0)
    network = SMALL()
    network.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    images, labels = digits
    network.fit(images[:1400].astype("float32"), labels[:1400], 32, epochs=10, verbose=0)
    return network


@pytest.fixture
def held_out(digits):
    return digits[0][1400:], digits[1][1400:]


def test_saved_model_serves_any_batch_in_plain_tensorflow(model, held_out, tmp_path):
    path = export.to_saved_model(model, tmp_path / "served")
    served = tf.saved_model.load(str(path))
    for count in (1, 7):
        batch = held_out[0][:count].astype("float32")
        expected = model(batch, training=False).numpy()
        np.testing.assert_allclose(served.serve(tf.constant(batch)), expected, atol=1e-6)
    report = export.verify(model, path, *held_out)
    assert report.kind == "saved_model"
    assert report.top1_agreement == 1
    assert report.largest_difference < 1e-5


def test_float32_equals_the_model(model, held_out, tmp_path):
    path = export.to_tflite(model, tmp_path / "model.tflite")
    report = export.verify(model, path, *held_out)
    assert report.largest_difference < 1e-4
    assert report.top1_agreement == 1
    assert report.accuracy == report.model_accuracy
    # Independently of the report: the same prediction from the runtime itself.
    run = Interpreter(model_path=str(path)).get_signature_runner()
    (output,) = run(image=held_out[0][:1].astype("float32")).values()
    np.testing.assert_allclose(output, model.predict(held_out[0][:1], verbose=0), atol=1e-4)


@pytest.mark.slow
def test_quantized_files_agree_and_are_smaller(trained, digits, held_out, tmp_path):
    sizes = {}
    for quantization, agreement in ((None, 1), ("float16", 0.99), ("int8", 0.98)):
        path = export.to_tflite(
            trained,
            tmp_path / f"{quantization}.tflite",
            quantization=quantization,
            calibration_images=digits[0][:300] if quantization == "int8" else None,
        )
        report = export.verify(trained, path, *held_out)
        assert report.top1_agreement >= agreement
        assert abs(report.accuracy - report.model_accuracy) <= 1 - agreement
        assert report.bytes == path.stat().st_size
        sizes[quantization] = report.bytes
    assert sizes[None] > 1.5 * sizes["float16"] > 1.5 * sizes["int8"]


def test_int8_computes_in_int8_between_float_ends(model, digits, tmp_path):
    path = export.to_tflite(
        model, tmp_path / "m.tflite", quantization="int8", calibration_images=digits[0][:20]
    )
    interpreter = Interpreter(
        model_path=str(path), experimental_preserve_all_tensors=True, num_threads=1
    )
    interpreter.allocate_tensors()
    ends = interpreter.get_input_details() + interpreter.get_output_details()
    assert [end["dtype"] for end in ends] == [np.float32, np.float32]
    assert ends[0]["shape"].tolist() == [1, 32, 32, 3]
    operators = {operator["op_name"] for operator in interpreter._get_ops_details()}
    assert not any(name.startswith("Flex") for name in operators)
    between = {
        detail["dtype"]
        for detail in interpreter.get_tensor_details()
        if detail["index"] not in [end["index"] for end in ends] and len(detail["shape"]) == 4
    }
    assert between == {np.int8}


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_is_exported_in_float32(policy, model, held_out, tmp_path):
    keras.config.set_dtype_policy(policy)
    try:
        mixed = SMALL()
    finally:
        keras.config.set_dtype_policy("float32")
    mixed.set_weights(model.get_weights())
    assert any(layer.compute_dtype != "float32" for layer in mixed.layers)
    path = export.to_tflite(mixed, tmp_path / "m.tflite")
    # The file equals the float32 network of the same weights, closer than half precision could.
    assert export.verify(model, path, *held_out).largest_difference < 1e-4
    assert export.verify(mixed, path, *held_out).largest_difference < 1e-4


@pytest.mark.slow
def test_open_size_needs_one(tmp_path):
    pooled = SMALL(include_top=False, pooling="avg")
    with pytest.raises(ValueError, match="input_size=224"):
        export.to_tflite(pooled, tmp_path / "m.tflite")
    path = export.to_tflite(pooled, tmp_path / "m.tflite", input_size=40)
    images = np.full((2, 40, 40, 3), 128, "uint8")
    report = export.verify(pooled, path, images)
    assert report.largest_difference < 1e-4
    served = export.to_saved_model(pooled, tmp_path / "served")
    assert export.verify(pooled, served, images).largest_difference < 1e-4
    with pytest.raises(ValueError, match="32x32"):
        export.to_tflite(SMALL(), tmp_path / "n.tflite", input_size=40)


def test_refusals_name_the_remedy_and_leave_nothing(model, digits, tmp_path):
    path = tmp_path / "m.tflite"
    images = digits[0][:2]
    with pytest.raises(ValueError, match="'int4'"):
        export.to_tflite(model, path, quantization="int4")
    with pytest.raises(ValueError, match=r"`calibration_images`.*None"):
        export.to_tflite(model, path, quantization="int8")
    with pytest.raises(ValueError, match=r"32, 32, 3.*\(2, 16, 16, 3\)"):
        export.to_tflite(model, path, quantization="int8", calibration_images=images[:, :16, :16])
    with pytest.raises(ValueError, match="for quantization='int8'"):
        export.to_tflite(model, path, calibration_images=images)
    with pytest.raises(TypeError, match="str"):
        export.to_tflite("model.keras", path)
    with pytest.raises(ValueError, match="not built"):
        export.to_tflite(keras.Sequential([keras.layers.Conv2D(2, 3)]), path)
    with pytest.raises(FileNotFoundError, match="Create it first"):
        export.to_tflite(model, tmp_path / "none" / "m.tflite")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("to", [export.to_tflite, export.to_saved_model])
def test_existing_files_stay_unless_told(to, model, held_out, tmp_path):
    path = tmp_path / "artefact"
    path.write_text("precious")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        to(model, path)
    assert path.read_text() == "precious"
    for _ in range(2):  # over a file, then over an artefact
        to(model, path, overwrite=True)
        assert export.verify(model, path, held_out[0][:3]).largest_difference < 1e-4
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_conversion_leaves_the_old_file(tmp_path):
    x = keras.Input((4, 3, 3))
    determinant = keras.Model(x, keras.layers.Lambda(tf.linalg.det)(x))  # no such builtin
    path = tmp_path / "m.tflite"
    path.write_text("precious")
    with pytest.raises(ValueError, match="builtin operators"):
        export.to_tflite(determinant, path, overwrite=True)
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
def test_verify_sees_another_models_artefact(model, held_out, tmp_path):
    path = export.to_tflite(SMALL(), tmp_path / "m.tflite")
    report = export.verify(model, path, *held_out)
    assert report.failures(min_agreement=0.98, max_difference=1e-4) == [
        f"top-1 agreement {report.top1_agreement:.4f} is below 0.98",
        f"largest difference {report.largest_difference:.3g} is above 0.0001",
    ]
    assert report.failures() == []
    with pytest.raises(ValueError, match="another model"):
        export.verify(SMALL(classes=3), path, *held_out)


def test_verify_refuses_what_it_cannot_judge(model, held_out, tmp_path):
    images, labels = held_out
    path = tmp_path / "m.tflite"
    with pytest.raises(FileNotFoundError):
        export.verify(model, path, images)
    path.write_bytes(b"not a flatbuffer")
    with pytest.raises(ValueError, match="does not load"):
        export.verify(model, path, images)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match="does not load"):
        export.verify(model, tmp_path / "folder", images)
    export.to_tflite(model, path, overwrite=True)
    with pytest.raises(ValueError, match=r"\(397, 16, 16, 3\)"):
        export.verify(model, path, images[:, :16, :16])
    with pytest.raises(ValueError, match="397 images"):
        export.verify(model, path, images, labels[:-1])
    with pytest.raises(ValueError, match=r"need labels from 0 to 9. Received: labels from 1 to 10"):
        export.verify(model, path, images, labels + 1)
    with pytest.raises(ValueError, match="numbers of classes"):
        export.verify(model, path, images, labels.astype(str))


def test_report_is_a_json_file(model, held_out, tmp_path):
    path = export.to_tflite(model, tmp_path / "m.tflite")
    report = export.verify(model, path, held_out[0])
    assert report.accuracy is None
    file = report.to_json(tmp_path / "m.tflite.json")
    assert json.loads(file.read_text()) == json.loads(json.dumps(dataclasses.asdict(report)))
    with pytest.raises(FileExistsError):
        report.to_json(file)


@pytest.mark.slow
def test_int8_of_a_network_with_a_dead_hidden_unit(trained, digits, held_out, tmp_path):
    """Blocks of 16 channels have one hidden unit; training may leave it at 0 for every image."""
    dead = keras.models.clone_model(trained)
    dead.set_weights(trained.get_weights())
    bias = dead.get_layer("stage2_block1_se").reduce.bias
    bias.assign(np.full(bias.shape, -1000.0))
    path = export.to_tflite(
        dead, tmp_path / "dead.tflite", quantization="int8", calibration_images=digits[0][:1400]
    )
    assert export.verify(dead, path, *held_out).top1_agreement >= 0.98


@pytest.mark.slow
def test_int8_of_a_filter_above_32_mebibytes(tmp_path):
    """As SENet-154 has one; its weights are the nearest multiples of a scale for each filter."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4, 4, 1024), name="image")
    network = keras.Model(inputs, keras.layers.Conv2D(1024, 3, use_bias=False)(inputs))
    images = np.random.default_rng(0).uniform(0, 1, (8, 4, 4, 1024)).astype("float32")
    path = export.to_tflite(
        network, tmp_path / "large.tflite", quantization="int8", calibration_images=images
    )
    runtime = Interpreter(model_path=str(path))
    (filters,) = (
        detail
        for detail in runtime.get_tensor_details()
        if list(detail["shape"]) == [1024, 3, 3, 1024]
    )
    weights = np.moveaxis(network.layers[-1].kernel.numpy(), -1, 0)
    scales = np.abs(weights).max((1, 2, 3), keepdims=True) / 127
    found = runtime.get_tensor(filters["index"])
    assert found.dtype == np.int8
    # Rounding of the scale to float32 may tip a value that lies halfway.
    assert np.abs(found - weights / scales).max() <= 0.5 + 1e-4
