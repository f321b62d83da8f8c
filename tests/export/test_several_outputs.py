"""Exports of models with several outputs: names, order and agreement of each, in every format."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

import keras_senet
from keras_senet import export

NETWORK = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
NAMES = ["mask", "boxes", "P0", "scores_0", "scores_1"]  # not in the order of the alphabet
SHAPES = {
    "mask": (32, 32, 4),
    "boxes": (64, 4),
    "P0": (32, 32, 16),
    "scores_0": (3,),
    "scores_1": (8, 8, 5),
}


def detector():
    """A map of probabilities, boxes, an inner map, classes, and a map of logits."""
    keras.utils.set_random_seed(0)
    pyramid = NETWORK(pyramid="levels", input_shape=(32, 32, 3))
    finest, coarsest = pyramid.output["P0"], pyramid.output["P2"]
    pooled = keras.layers.GlobalAveragePooling2D()(coarsest)
    outputs = {
        "mask": keras.layers.Conv2D(4, 1, activation="softmax", name="pixels")(finest),
        "boxes": keras.layers.Reshape((-1, 4))(keras.layers.Conv2D(4, 3, padding="same")(coarsest)),
        "P0": finest,
        "scores": [
            keras.layers.Dense(3, activation="softmax")(pooled),
            keras.layers.Conv2D(5, 1)(coarsest),
        ],
    }
    return keras.Model(pyramid.input, outputs, name="detector")


@pytest.fixture(scope="module")
def model():
    return detector()


@pytest.fixture(scope="module")
def images():
    return keras_senet.data.load("digits").calibration_images(24)


def check(report, images, largest):
    assert list(report.outputs) == NAMES
    assert report.top1_agreement is None and report.accuracy is None and report.output is None
    compared = {name: one.compared for name, one in report.outputs.items()}
    assert compared == {
        "mask": "pixels",
        "boxes": "positions",
        "P0": "pixels",
        "scores_0": "images",
        "scores_1": "pixels",
    }
    known = [name for name, one in report.outputs.items() if one.agreement is not None]
    assert known == ["mask", "scores_0"]  # nothing tells that the other maps are of classes
    for name, one in report.outputs.items():
        assert one.largest_difference <= largest
        assert tuple(one.end["shape"][1:]) == SHAPES[name]
    assert report.largest_difference == max(x.largest_difference for x in report.outputs.values())
    assert report.images == len(images)


@pytest.mark.at_first("int8")
@pytest.mark.parametrize("quantization", export.QUANTIZATIONS)
def test_tflite(model, images, quantization, tmp_path):
    calibrated = quantization in ("int8", "int8_full")
    path = export.to_tflite(
        model,
        tmp_path / "m.tflite",
        quantization=quantization,
        calibration_images=images if calibrated else None,
    )
    report = export.verify(model, path, images[:8])
    check(report, images[:8], 1e-4 if quantization is None else 1.0)
    least = 1.0 if quantization is None else 0.9
    assert not report.failures(min_agreement=least, one_partition=True)
    runtime = Interpreter(model_path=str(path))
    runtime.allocate_tensors()
    details = runtime.get_output_details()
    assert [tuple(one["shape"][1:]) for one in details] == list(SHAPES.values())
    kind = np.uint8 if quantization == "int8_full" else np.float32
    assert all(one["dtype"] is kind for one in details)
    run = runtime.get_signature_runner()
    image = {next(iter(run.get_input_details())): images[:1].astype(details[0]["dtype"])}
    assert {name: x.shape[1:] for name, x in run(**image).items()} == SHAPES
    (timing,) = export.benchmark({"detector": path}, runs=2)
    assert timing.median_ms > 0


@pytest.mark.slow
def test_saved_model(model, images, tmp_path):
    path = export.to_saved_model(model, tmp_path / "served")
    check(export.verify(model, path, images[:4]), images[:4], 1e-4)
    served = tf.saved_model.load(str(path))
    outputs = served.serve(images[:2].astype("float32"))
    assert {name: tuple(x.shape[1:]) for name, x in outputs.items()} == SHAPES
    assert {tuple(x.shape[1:]) for x in served.signatures["jpeg"](tf.constant(["x"])).values()} == (
        set(SHAPES.values())
    )
    assert all(np.isnan(x).all() for x in served.jpeg(tf.constant(["no file"])).values())


def test_onnx(model, images, tmp_path):
    pytest.importorskip("tf2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    path = export.to_onnx(model, tmp_path / "m.onnx")
    report = export.verify(model, path, images[:4])
    check(report, images[:4], 1e-4)
    assert report.kind == "onnx" and len(report.sha256) == 64
    session = onnxruntime.InferenceSession(str(path))
    assert [one.name for one in session.get_outputs()] == NAMES


@pytest.mark.slow
def test_thresholds_apply_to_each_output(model, images, tmp_path):
    """A change of one head is found there, and nowhere else."""
    path = export.to_tflite(model, tmp_path / "m.tflite")
    other = detector()
    other.set_weights(model.get_weights())
    head = other.get_layer("pixels")
    kernel, bias = head.get_weights()
    head.set_weights([-kernel, bias])
    report = export.verify(other, path, images[:4])
    assert [text for text in report.failures(max_difference=1e-3) if "'mask'" not in text] == []
    (text,) = report.failures(min_agreement=0.9)
    assert text.startswith("top-1 agreement") and "of 'mask'" in text
    assert "mask: largest difference" in str(report) and "of pixels agree" in str(report)
    written = json.loads(report.to_json(tmp_path / "r.json").read_text())
    assert list(written["outputs"]) == NAMES
    assert written["outputs"]["boxes"]["agreement"] is None


@pytest.mark.slow
def test_pixels_of_logits_are_compared_where_the_caller_says_so(model, images, tmp_path):
    path = export.to_tflite(model, tmp_path / "m.tflite", quantization="float16")
    report = export.verify(model, path, images[:4], logits=["scores_1"])
    assert report.outputs["scores_1"].agreement > 0.95
    with pytest.raises(ValueError, match="`logits` must be a list of names"):
        export.verify(model, path, images[:4], logits=["scores"])


@pytest.mark.slow
def test_a_linear_head_names_classes_where_the_caller_says_so(images, tmp_path):
    """Four numbers of an image may be a box: the greatest of them is no class."""
    network = NETWORK(include_top=False, pooling="avg", input_shape=(32, 32, 3))
    heads = {name: keras.layers.Dense(4)(network.output) for name in ("box", "logits")}
    both = keras.Model(network.input, heads)
    path = export.to_tflite(both, tmp_path / "m.tflite")
    report = export.verify(both, path, images[:4])
    assert [one.agreement for one in report.outputs.values()] == [None, None]
    assert report.failures(min_agreement=0.5)[0].startswith("agreement is unknown")
    report = export.verify(both, path, images[:4], logits=["logits"])
    assert [one.agreement for one in report.outputs.values()] == [None, 1.0]


@pytest.mark.slow
def test_lists_are_numbered_and_artefacts_of_others_refused(model, images, tmp_path):
    pyramid = NETWORK(pyramid=True, input_shape=(32, 32, 3))
    listed = keras.Model(pyramid.input, list(pyramid.output.values()))
    path = export.to_tflite(listed, tmp_path / "m.tflite")
    assert list(export.verify(listed, path, images[:2]).outputs) == [
        f"output_{i}" for i in range(3)
    ]
    with pytest.raises(ValueError, match=r"The model returns mask, boxes, .* of another model"):
        export.verify(model, path, images[:2])


@pytest.mark.slow
def test_a_map_of_probabilities_alone(images, tmp_path):
    """A network of one output, whose pixels are compared as images are elsewhere."""
    whole = detector()
    model = keras.Model(whole.input, whole.output["mask"])
    path = export.to_tflite(
        model, tmp_path / "m.tflite", quantization="int8", calibration_images=images
    )
    report = export.verify(model, path, images)
    assert report.top1_agreement is None
    assert report.outputs["output"].compared == "pixels"
    assert 0.9 < report.outputs["output"].agreement <= 1
    assert not report.failures(min_agreement=0.9)
    assert report.failures(min_agreement=1.01)


@pytest.mark.slow
def test_what_is_for_one_output_only(model, images, tmp_path):
    with pytest.raises(ValueError, match="`min_agreement` is for models with one output"):
        export.to_tflite(
            model,
            tmp_path / "m.tflite",
            quantization="int8",
            calibration_images=images,
            min_agreement=0.9,
        )
    with pytest.raises(ValueError, match="`labels` names the classes of a model with one output"):
        export.to_tflite(model, tmp_path / "m.tflite", labels=["a", "b", "c"])
    twice = keras.Model(model.input, {"a b": model.output["mask"], "a_b": model.output["P0"]})
    with pytest.raises(ValueError, match="Two outputs of the model would be named 'a_b'"):
        export.to_tflite(twice, tmp_path / "m.tflite")
    path = export.to_tflite(model, tmp_path / "m.tflite")
    with pytest.raises(ValueError, match="`labels` is for a model with one output"):
        export.verify(model, path, images[:2], np.zeros(2, int))


@pytest.mark.at_first(every=7)
@pytest.mark.parametrize("quantization", ["int8", "int8_full"])
@pytest.mark.parametrize(
    "read",
    [
        lambda x: keras.layers.Conv2D(3, 1)(x),
        lambda x: keras.layers.MaxPooling2D(2)(x),
        lambda x: keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x)),
        lambda x: keras.layers.Softmax()(keras.layers.Flatten()(x)),
    ],
    ids=["convolution", "pooling", "mean", "softmax"],
)
def test_an_output_that_is_read_inside_too(read, quantization, images, tmp_path):
    """As features beside the scores made of them."""
    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(8, 3, strides=4, activation="relu")(
        keras.layers.Rescaling(1 / 255)(image)
    )
    model = keras.Model(image, [x, read(x)])
    path = export.to_tflite(
        model, tmp_path / "m.tflite", quantization=quantization, calibration_images=images
    )
    expected = model.predict(images[:4], verbose=0)
    report = export.verify(model, path, images[:4])
    for values, one in zip(expected, report.outputs.values(), strict=True):
        assert one.largest_difference < 0.03 * np.abs(values).max()
