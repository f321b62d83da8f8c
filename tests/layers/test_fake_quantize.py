"""Fake quantization against its formula, and the gradients that pass through it."""

import keras
import numpy as np
import pytest

from keras_senet.layers import (
    FakeQuantize,
    QuantizedConv2D,
    QuantizedDense,
    QuantizedDepthwiseConv2D,
    TFLiteOperator,
)

array = keras.ops.convert_to_numpy  # also of what has a gradient


def rounded(x, low, high):
    """Jacob et al., https://arxiv.org/abs/1712.05877, equations 1 and 12, in float64."""
    scale = (high - low) / 255
    zero = np.rint(-low / scale)
    return (np.clip(np.rint(x / scale) + zero, 0, 255) - zero) * scale


def rounded_kernel(kernel):
    scale = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1))) / 127
    return np.rint(kernel / scale) * scale


@pytest.mark.parametrize(("low", "high"), [(-1.3, 2.9), (0.0, 255.0), (-6.1, 0.0)])
def test_values_are_those_of_int8(low, high):
    x = np.random.default_rng(0).normal(0, 2, (64, 8)).astype("float32")
    layer = FakeQuantize(low, high)
    np.testing.assert_allclose(array(layer(x)), rounded(x, low, high), atol=1e-5)
    scale, zero = layer.code()
    assert scale == pytest.approx((high - low) / 255)
    integers = array(layer(x)) / scale + zero
    np.testing.assert_allclose(integers, np.rint(integers), atol=1e-3)
    assert integers.min() > -128.001 and integers.max() <= 127.001
    assert array(layer(np.zeros((1,), "float32"))) == 0


def test_a_range_contains_zero():
    values = array(FakeQuantize(2.0, 5.0)(np.float32([0.0, 1.0, 5.0, 9.0])))
    np.testing.assert_allclose(values, [0, 1, 5, 5], atol=5 / 255)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="takes TensorFlow's tape")
def test_gradients_pass_inside_and_move_the_end_that_clips():
    import tensorflow as tf

    layer = FakeQuantize(-1.0, 3.0)
    x = tf.constant([-5.0, -0.5, 0.2, 2.0, 7.0, 9.0])
    weights = tf.constant([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    layer.build(x.shape)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(layer(x) * weights)
    of_x, of_low, of_high = tape.gradient(loss, [x, layer.low.value, layer.high.value])
    np.testing.assert_array_equal(of_x, [0, 2, 3, 4, 0, 0])
    assert (float(of_low), float(of_high)) == (1.0, 5.0 + 6.0)


def test_kernels_have_a_scale_for_each_filter():
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 4)).astype("float32")
    pairs = [
        (QuantizedConv2D(8, 3, groups=2), keras.layers.Conv2D(8, 3, groups=2), x),
        (QuantizedDense(5), keras.layers.Dense(5), x[:, 0, 0]),
    ]
    for layer, plain, inputs in pairs:
        received = layer(inputs)
        plain.build(inputs.shape)
        # Filters of very different sizes, which one scale could not hold.
        kernel = array(layer.kernel) * 10.0 ** np.arange(layer.kernel.shape[-1])
        layer.set_weights([kernel, *layer.get_weights()[1:]])
        plain.set_weights([rounded_kernel(kernel), *layer.get_weights()[1:]])
        received, expected = array(layer(inputs)), array(plain(inputs))
        np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-5 * np.abs(kernel).max())


def test_depthwise_kernels_have_a_scale_for_each_output():
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32")
    layer, plain = (
        kind(3, depth_multiplier=2)
        for kind in (QuantizedDepthwiseConv2D, keras.layers.DepthwiseConv2D)
    )
    layer(x), plain(x)
    kernel, bias = layer.get_weights()
    expected = rounded_kernel(kernel.reshape(3, 3, 6)).reshape(kernel.shape)
    plain.set_weights([expected, bias])
    np.testing.assert_allclose(array(layer(x)), array(plain(x)), atol=1e-5)


def test_what_is_refused():
    with pytest.raises(ValueError, match="`low` and `high` must be finite numbers, the first"):
        FakeQuantize(1.0, 1.0)
    with pytest.raises(ValueError, match=r"Argument `kind` must be one of ABS, .* 'CONV_2D'"):
        TFLiteOperator("CONV_2D", {}, [None])
