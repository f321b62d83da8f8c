"""Global averages that half precision can sum, and that are the mean."""

import types

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet.layers import global_average as module
from keras_senet.layers.global_average import global_average

SIZES = [(1, 1), (7, 7), (8, 8), (14, 14), (9, 15), (28, 56), (112, 112), (113, 112), (97, 89)]


@pytest.mark.at_first(every=4)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("keepdims", [True, False])
def test_it_is_the_mean(size, keepdims):
    x = np.random.default_rng(0).normal(3, 1, (2, *size, 4)).astype("float32")
    expected = x.astype("float64").mean((1, 2), keepdims=keepdims)
    layer = keras_senet.layers.GlobalAveragePooling2D(keepdims=keepdims)
    for found in (global_average(x, keepdims), layer(x)):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, rtol=2e-6)
    unknown = keras.Input((None, None, 4))
    model = keras.Model(unknown, layer(unknown))
    assert model.output_shape == ((None, 1, 1, 4) if keepdims else (None, 4))
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=2e-6)


def halves(x, axes, keepdims):
    """The mean as one unit in half precision computes it, one value after the other."""
    moved = np.moveaxis(x, axes, range(len(axes)))
    values = moved.reshape(-1, *moved.shape[len(axes) :])
    total = np.zeros(values.shape[1:], "float16")
    with np.errstate(over="ignore", invalid="ignore"):
        for value in values:
            total = (total + value).astype("float16")
        mean = (total / np.float16(len(values))).astype("float16")
    return np.expand_dims(mean, axes) if keepdims else mean


def windows(x, side, strides, data_format):
    assert strides == side and data_format == "channels_last"
    count, height, width, channels = x.shape
    parts = x.reshape(count, height // side, side, width // side, side, channels)
    return halves(parts, (2, 4), False)


@pytest.fixture
def in_half_precision(monkeypatch):
    """The stages of `global_average`, each computed in half precision."""

    def mean(x, axis, keepdims):
        return halves(x, axis if isinstance(axis, tuple) else (axis,), keepdims)

    monkeypatch.setattr(module, "ops", types.SimpleNamespace(mean=mean, average_pool=windows))


MAPS = {
    "all 100": lambda rng, shape: np.full(shape, 100.0),
    "all 99.3": lambda rng, shape: np.full(shape, 99.3),
    "up to 200": lambda rng, shape: rng.uniform(0, 200, shape),
    "half of them 0": lambda rng, shape: np.maximum(0, rng.normal(0, 250, shape)),
    "small": lambda rng, shape: rng.uniform(0, 0.02, shape),
}


@pytest.mark.parametrize("size", [(56, 56), (112, 112), (190, 190), (192, 96)], ids=str)
@pytest.mark.parametrize("kind", MAPS)
def test_half_precision_can_sum_it(kind, size, in_half_precision):
    x = MAPS[kind](np.random.default_rng(0), (1, *size, 8)).astype("float16")
    exact = x.astype("float64").mean((1, 2), keepdims=True)
    np.testing.assert_allclose(global_average(x).astype("float64"), exact, rtol=1e-2)
    in_one = halves(x, (1, 2), True).astype("float64")
    assert (np.abs(in_one / exact - 1) > 1e-2).any(), "one sum would do, so this shows nothing"


@pytest.mark.slow
def test_exported_networks_sum_few_values(tmp_path):
    """Squeezes behind a convolution and behind an activation, and the pooling of the head."""
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("export is TensorFlow's")
    network = keras_senet.SEResNet18.replace(depths=(1, 1, 1, 1))
    for design in ({}, {"placement": "pre"}):
        model = network.replace(se=keras_senet.SEConfig(**design))(input_shape=(288, 288, 3))
        path = keras_senet.export.to_tflite(model, tmp_path / f"{len(design)}.tflite")
        file = interpreter.Interpreter(str(path))
        shapes = {one["index"]: one["shape"] for one in file.get_tensor_details()}
        pooled = [
            (shapes[op["inputs"][0]], shapes[op["outputs"][0]])
            for op in file._get_ops_details()
            if op["op_name"] in ("MEAN", "AVERAGE_POOL_2D")
        ]
        assert len(pooled) >= 5
        assert max(np.prod(before) / np.prod(after) for before, after in pooled) <= 64
