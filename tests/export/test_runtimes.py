"""What readers other than ours make of the files."""

import json
import os
import pathlib
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
import sklearn.datasets
from ai_edge_litert.interpreter import Interpreter
from converted import converted
from PIL import Image
from sklearn.datasets import load_sample_images

import keras_senet
from keras_senet import export
from keras_senet.export.measure.footprint import footprint
from keras_senet.export.measure.sensitivity import agreement, quantize_until
from keras_senet.export.tflite.int8 import calibrate, quantize
from keras_senet.export.tflite.litert import LiteRT, program

LABELS = ["heron", "bittern", "egret", "stork", "ibis"]
# TensorFlow alone: whatever asks for Keras or this package fails.
SERVE = """
import json, sys
sys.modules["keras"] = sys.modules["keras_senet"] = None
import tensorflow as tf
served = tf.saved_model.load(sys.argv[1])
files = tf.constant([open(path, "rb").read() for path in sys.argv[2:]])
outputs = served.signatures["jpeg"](files)
print(json.dumps([value.numpy().tolist() for value in outputs.values()][0]))
"""


@pytest.fixture(scope="module")
def photographs():
    return np.stack([image[:320:5, :320:5] for image in load_sample_images().images])


@pytest.fixture(scope="module")
def model(photographs):
    keras.utils.set_random_seed(0)
    network = keras_senet.SEResNeXt50.replace(depths=(1, 1, 1, 1))
    model = network(input_shape=(64, 64, 3), classes=5)
    for _ in range(3):  # moving statistics of photographs
        for layer in model.layers:
            layer.momentum = 0.5
        model(photographs.astype("float32"), training=True)
    return model


@pytest.mark.at_first("int8")
@pytest.mark.parametrize("quantization", export.QUANTIZATIONS)
def test_every_quantization_runs_whole(model, photographs, quantization, tmp_path):
    calibrated = quantization in ("int8", "int8_full")
    path = export.to_tflite(
        model,
        tmp_path / "m.tflite",
        quantization=quantization,
        calibration_images=photographs if calibrated else None,
        labels=LABELS,
    )
    ends = Interpreter(model_path=str(path))
    types = {x["dtype"] for x in ends.get_input_details() + ends.get_output_details()}
    assert types == {np.uint8 if quantization == "int8_full" else np.float32}
    found = program(LiteRT(path))
    assert (found.partitions, found.undelegated) == (1, ())
    report = export.verify(model, path, photographs)
    assert report.failures(one_partition=True) == []
    assert report.largest_difference < (1e-5 if quantization is None else 0.1)
    with zipfile.ZipFile(path) as archive:
        assert archive.read("labels.txt").decode().splitlines() == LABELS


def test_mediapipe_reads_labels_and_preprocessing(model, photographs, tmp_path):
    vision = pytest.importorskip("mediapipe.tasks.python.vision")
    mediapipe = pytest.importorskip("mediapipe")
    path = export.to_tflite(model, tmp_path / "m.tflite", labels=LABELS)
    options = vision.ImageClassifierOptions(
        base_options=mediapipe.tasks.BaseOptions(model_asset_path=str(path)), max_results=1
    )
    with vision.ImageClassifier.create_from_options(options) as classifier:
        image = mediapipe.Image(
            image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(photographs[0])
        )
        (best,) = classifier.classify(image).classifications[0].categories
    expected = model.predict(photographs[:1], verbose=0)[0]
    assert best.category_name == LABELS[expected.argmax()]
    assert abs(best.score - expected.max()) < 1e-3


@pytest.mark.slow
def test_photographs_in_plain_tensorflow(model, tmp_path, monkeypatch):
    """The same as of `load_image`, but for pixels that resizing rounds otherwise."""
    preprocessing = next(x for x in model.layers if hasattr(x, "crop"))
    files = sorted(pathlib.Path(sklearn.datasets.__file__).parent.glob("images/*.jpg"))
    usual = model.predict(_pixels(files, model), verbose=0)
    monkeypatch.setattr(preprocessing, "crop", 0.95)
    monkeypatch.setattr(preprocessing, "interpolation", "bicubic")
    path = export.to_saved_model(model, tmp_path / "served")
    done = subprocess.run(
        [sys.executable, "-c", SERVE, str(path), *map(str, files)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    expected = model.predict(_pixels(files, model), verbose=0)
    np.testing.assert_allclose(json.loads(done.stdout), expected, atol=6e-3)
    assert np.abs(usual - expected).max() > 0.03
    assert _no_must_compile(path)
    import tensorflow as tf

    features = tf.saved_model.load(str(path)).signatures["features"]
    (values,) = features(image=tf.zeros((3, 64, 64, 3))).values()
    assert values.shape == (3, 2048)


def _pixels(files, model):
    return np.concatenate([keras_senet.load_image(file, model) for file in files])


def _no_must_compile(path):
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    functions = saved.meta_graphs[0].graph_def.library.function
    return not any(function.attr["_XlaMustCompile"].b for function in functions)


def test_onnx_runtime_computes_the_same(model, photographs, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    path = export.to_onnx(model, tmp_path / "model.onnx")
    session = runtime.InferenceSession(str(path))
    x = photographs.astype("float32")
    (received,) = session.run(None, {session.get_inputs()[0].name: x})
    np.testing.assert_allclose(received, model.predict(x, verbose=0), atol=1e-5)


def test_fallback_leaves_the_fragile_block_in_float(tmp_path):
    """A block whose channels differ by a factor of 1e4 does not survive one scale for all."""
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    x = keras.Input((16, 16, 3))
    y = x
    layers = keras.layers
    for index, fragile in enumerate((False, True, False), 1):
        y = layers.Conv2D(16, 3, activation="relu", name=f"block{index}_conv1")(y)
        if fragile:
            scale = 10.0 ** np.linspace(-4, 0, 16)
            y = layers.Conv2D(16, 1, name="block2_conv2")(y)
            conv = layers.Conv2D(16, 1, name="block2_conv3")
            y = conv(y)
    model = keras.Model(x, layers.Dense(10)(layers.GlobalAveragePooling2D()(y)))
    first, second = model.get_layer("block2_conv2"), model.get_layer("block2_conv3")
    kernel, bias = first.get_weights()
    first.set_weights([kernel * scale, bias])
    kernel, bias = second.get_weights()
    second.set_weights([kernel / scale[:, None], bias])
    images = rng.uniform(0, 255, (60, 16, 16, 3)).astype("float32")
    path = export.to_tflite(model, tmp_path / "m.tflite")
    network = path.read_bytes()
    plain = quantize(network, calibrate(network, images))
    expected = LiteRT(path)(images)
    before = agreement(LiteRT(plain)(images), expected)
    assert before < 0.95
    fixed, floats = quantize_until(network, images, 0.97)
    assert agreement(LiteRT(fixed)(images), expected) >= 0.97
    assert "block2" in floats
    assert len(floats) < 4


def test_heap_holds_the_tensors(tmp_path):
    held = {}
    for size in (64, 128):
        images = keras.Input((size, size, 16))
        model = keras.Model(images, keras.layers.Conv2D(64, 1)(images))
        path = export.to_tflite(model, tmp_path / f"{size}.tflite")
        held[size] = footprint(path).heap_bytes
        if held[size] is None:
            pytest.skip("The C library does not tell.")
    # What grows with the image is the input of 16 channels and the output of 64, in float32.
    assert held[128] - held[64] == pytest.approx((128**2 - 64**2) * (16 + 64) * 4, rel=1e-3)


def test_what_is_measured_is_measured_at_the_size_of_images(tmp_path):
    """Not at the one pixel that a file with open sizes says."""
    images = keras.Input((None, None, 16))
    model = keras.Model(images, keras.layers.Conv2D(64, 1, use_bias=False)(images))
    path = converted(model, tmp_path / "open.tflite", (1, None, None, 16))
    held = {
        size: export.verify(model, path, np.ones((2, size, size, 16), "float32")).heap_bytes
        for size in (64, 128)
    }
    if held[128] is not None:
        grown = (128**2 - 64**2) * (16 + 64) * 4
        assert held[128] - held[64] == pytest.approx(grown, rel=1e-3)
    for measure in (lambda: export.benchmark({"a": path}), lambda: export.profile(path)):
        with pytest.raises(ValueError, match="takes images of any size"):
            measure()
    several = converted(model, tmp_path / "several.tflite", (2, 8, 8, 16))
    with pytest.raises(ValueError, match="takes 2 images at once"):
        export.benchmark({"a": several})


@pytest.mark.slow
def test_benchmark_takes_turns(model, tmp_path):
    path = export.to_tflite(model, tmp_path / "m.tflite")
    rows = export.benchmark({"a": path, "b": path}, threads=(1, 2), runs=3)
    assert [(row.name, row.threads) for row in rows] == [("a", 1), ("b", 1), ("a", 2), ("b", 2)]
    for row in rows:
        assert 0 < row.p25_ms <= row.median_ms <= row.p75_ms <= row.p90_ms <= row.p99_ms
        # The file is read into memory, and its weights are packed for the kernels.
        assert path.stat().st_size / 2 < row.peak_bytes < 20 * path.stat().st_size
        assert row.load_ms > 0
        if row.heap_bytes is not None:  # packed weights at least
            assert path.stat().st_size / 2 < row.heap_bytes < row.peak_bytes + 1e6
        assert row.bytes == path.stat().st_size
    assert rows[0].ratio == 1
    picture = export.plot_latencies(rows, tmp_path / "latency.png")
    assert Image.open(picture).size[0] == 1200
    with pytest.raises(FileExistsError):
        export.plot_latencies(rows, picture)
    with pytest.raises(FileNotFoundError):
        export.benchmark({"a": tmp_path / "none.tflite"})
