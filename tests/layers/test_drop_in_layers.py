"""BatchNormalization and Conv2D are Keras' layers, whatever kernel runs."""

import keras
import numpy as np
import pytest

from keras_senet import layers
from keras_senet.layers import conv2d


def normal(shape, seed=0):
    return np.random.default_rng(seed).normal(1, 2, size=shape).astype("float32")


def trained_step(layer, x, target):
    """Output, gradients and weights after a training step on a squared error."""
    model = keras.Sequential([keras.Input(x.shape[1:]), layer])
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
    before = [keras.ops.convert_to_numpy(w) for w in layer.weights]
    rng = np.random.default_rng(2)
    layer.set_weights([np.abs(rng.normal(1, 0.3, w.shape)) for w in before])
    loss = model.train_on_batch(x, target)
    weights = [keras.ops.convert_to_numpy(w) for w in layer.weights]
    return loss, weights, keras.ops.convert_to_numpy(model(x))


def assert_same_training(ours, stock, x):
    target = normal(tuple(stock.compute_output_shape(x.shape)), 3)
    for our, their in zip(
        trained_step(ours, x, target), trained_step(stock, x, target), strict=True
    ):
        for a, b in zip(np.atleast_1d(our), np.atleast_1d(their), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(4, 5, 3, 7), (1, 6, 6, 1), (2, 1, 1, 8)])
@pytest.mark.parametrize("arguments", [{}, {"scale": False}, {"center": False}])
def test_batch_normalization_trains_like_keras(shape, arguments):
    arguments = {"momentum": 0.9, "epsilon": 1e-5, **arguments}
    assert_same_training(
        layers.BatchNormalization(**arguments),
        keras.layers.BatchNormalization(**arguments),
        normal(shape),
    )


def test_frozen_batch_normalization_keeps_its_statistics():
    layer = layers.BatchNormalization(trainable=False)
    x = normal((4, 5, 5, 3))
    layer.build(x.shape)
    output = keras.ops.convert_to_numpy(layer(x, training=True))
    np.testing.assert_allclose(output, x / np.sqrt(1 + 1e-3), rtol=1e-5)
    np.testing.assert_array_equal(layer.get_weights()[2], 0)


def test_half_precision_batch_normalization_has_float32_statistics():
    x = normal((8, 8, 8, 4))
    layer = layers.BatchNormalization(momentum=0.0, dtype="mixed_bfloat16")
    output = layer(x, training=True)
    assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
    rounded = keras.ops.convert_to_numpy(keras.ops.cast(keras.ops.cast(x, "bfloat16"), "float32"))
    np.testing.assert_allclose(layer.get_weights()[2], rounded.mean((0, 1, 2)), rtol=1e-4)
    np.testing.assert_allclose(layer.get_weights()[3], rounded.var((0, 1, 2)), rtol=1e-4)


@pytest.mark.parametrize("groups", [2, 8])
@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_grouped_convolution_trains_like_keras(groups, native, strides, padding, monkeypatch):
    if not native:
        monkeypatch.setattr(conv2d, "_native_gradient_works", lambda: False)
    arguments = {"groups": groups, "strides": strides, "padding": padding, "use_bias": False}
    assert_same_training(
        layers.Conv2D(16, 3, **arguments),
        keras.layers.Conv2D(16, 3, **arguments),
        normal((2, 7, 6, 8)),
    )


@pytest.mark.parametrize("ours_first", [True, False])
def test_weight_files_are_interchangeable_with_keras(ours_first, tmp_path):
    def network(package):
        x = inputs = keras.Input((8, 8, 4))
        x = package.Conv2D(8, 3, groups=2)(x)
        x = package.BatchNormalization()(x)
        return keras.Model(inputs, x)

    models = [network(layers), network(keras.layers)]
    source, target = models if ours_first else models[::-1]
    source.set_weights([normal(w.shape, i) ** 2 for i, w in enumerate(source.get_weights())])
    source.save_weights(tmp_path / "x.weights.h5")
    target.load_weights(tmp_path / "x.weights.h5")
    for a, b in zip(source.get_weights(), target.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
