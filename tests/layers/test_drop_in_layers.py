"""BatchNormalization and Conv2D are Keras' layers, whatever kernel runs."""

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet import layers
from keras_senet.layers import conv2d, processor


def normal(shape, seed=0):
    return np.random.default_rng(seed).normal(1, 2, size=shape).astype("float32")


def trained_step(layer, x, target, jit_compile=False):
    """Loss, weights and output after two training steps on a squared error.

    A convolution in front shows the gradient that the layer passes on.
    """
    front = keras.layers.Conv2D(x.shape[-1], 1)
    model = keras.Sequential([keras.Input(x.shape[1:]), front, layer])
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=jit_compile)
    rng = np.random.default_rng(2)
    model.set_weights([np.abs(rng.normal(1, 0.3, w.shape)) for w in model.get_weights()])
    losses = [model.train_on_batch(x, target) for _ in range(2)]
    weights = [keras.ops.convert_to_numpy(w) for w in model.weights]
    return losses, *weights, keras.ops.convert_to_numpy(model(x))


def assert_same_training(ours, stock, x, jit_compile=False):
    target = normal(tuple(stock.compute_output_shape(x.shape)), 3)
    pairs = zip(
        trained_step(ours, x, target, jit_compile),
        trained_step(stock, x, target),
        strict=True,
    )
    for a, b in pairs:
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(b).max())


@pytest.mark.at_first(every=7)
@pytest.mark.parametrize(
    "shape",
    [(4, 5, 3, 7), (1, 6, 6, 1), (2, 1, 1, 8), (1, 1, 1, 3), (3, 17, 9, 33), (5, 4, 3)],
)
@pytest.mark.parametrize("arguments", [{}, {"scale": False}, {"center": False}])
def test_batch_normalization_trains_like_keras(shape, arguments):
    arguments = {"momentum": 0.9, "epsilon": 1e-5, **arguments}
    ours, stock = (
        layers.BatchNormalization(**arguments),
        keras.layers.BatchNormalization(**arguments),
    )
    if len(shape) == 4:
        assert_same_training(ours, stock, normal(shape))
    else:
        ours, stock = (
            keras.ops.convert_to_numpy(layer(normal(shape), training=True))
            for layer in (ours, stock)
        )
        np.testing.assert_allclose(ours, stock, rtol=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="of TensorFlow's operations")
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_the_fused_kernel_runs_where_it_is_fast(dtype):
    """In training; at inference oneDNN makes a slow convolution of it and the one before it."""
    import tensorflow as tf

    layer = layers.BatchNormalization(dtype=dtype)
    layer.build((None, 8, 8, 4))

    def runs(training):
        function = tf.function(lambda x: layer(x, training=training))
        graph = function.get_concrete_function(tf.TensorSpec((1, 8, 8, 4))).graph
        return any(operation.type == "FusedBatchNormV3" for operation in graph.get_operations())

    assert runs(training=True)
    assert runs(training=False) == (dtype != "float32")


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


@pytest.mark.at_first(every=13)
@pytest.mark.parametrize("groups", [1, 2, 8])
@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("shape", [(2, 7, 6, 8), (1, 3, 3, 8)])
def test_grouped_convolution_trains_like_keras(
    groups, native, strides, padding, shape, monkeypatch
):
    if not native:
        monkeypatch.setattr(conv2d, "_tensorflow_kernel_is_best", lambda dtype: False)
    arguments = {"groups": groups, "strides": strides, "padding": padding, "use_bias": False}
    assert_same_training(
        layers.Conv2D(16, 3, **arguments),
        keras.layers.Conv2D(16, 3, **arguments),
        normal(shape),
    )


def test_grouped_convolution_of_a_compiled_model_trains_like_keras():
    arguments = {"groups": 4, "padding": "same"}
    ours, stock = layers.Conv2D(8, 3, **arguments), keras.layers.Conv2D(8, 3, **arguments)
    compiled = keras.backend.backend() != "torch"  # torch.compile needs a C++ compiler
    assert_same_training(ours, stock, normal((2, 5, 4, 8)), jit_compile=compiled)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_grouped_convolution_trains_in_every_precision(policy):
    if policy == "float64" and keras.backend.backend() == "jax":
        pytest.skip("JAX computes in float32 unless a setting of the whole process says otherwise")
    arguments = {"groups": 4, "padding": "same"}
    image = keras.Input((5, 4, 8))
    x = normal((2, 5, 4, 8))
    kernels = []
    for dtype in (policy, "float32"):
        model = keras.Model(image, layers.Conv2D(8, 3, **arguments, dtype=dtype)(image))
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
        kernel = np.random.default_rng(1).normal(0, 0.1, model.get_weights()[0].shape)
        model.set_weights([kernel, np.zeros(8)])
        model.train_on_batch(x, np.ones((2, 5, 4, 8), "float32"))
        kernels.append(model.get_weights()[0] - kernel)
    step = np.abs(kernels[1]).max()
    assert step > 1e-4
    np.testing.assert_allclose(*kernels, rtol=0, atol=0.02 * step)


@pytest.mark.parametrize("slow", [True, False])
@pytest.mark.parametrize("groups", [1, 4])
def test_bfloat16_convolution_rounds_a_float32_one(slow, groups, monkeypatch):
    monkeypatch.setattr(processor, "convolves_bfloat16_slowly", lambda: slow)
    arguments = {"groups": groups, "padding": "same", "use_bias": False}
    half = layers.Conv2D(8, 3, **arguments, dtype="mixed_bfloat16")
    single = keras.layers.Conv2D(8, 3, **arguments)
    x = keras.ops.cast(normal((2, 6, 5, 8)), "bfloat16")
    half.build(x.shape)
    single.build(x.shape)
    # What bfloat16 holds exactly: only sums and the output are rounded.
    kernel = np.random.default_rng(1).integers(-8, 9, single.get_weights()[0].shape)
    half.set_weights([kernel])
    single.set_weights([kernel])
    output = half(x)
    assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
    expected = keras.ops.convert_to_numpy(single(keras.ops.cast(x, "float32")))
    output = keras.ops.convert_to_numpy(keras.ops.cast(output, "float32"))
    # One bit of the output, or of the products where they cancel.
    np.testing.assert_allclose(output, expected, rtol=2.0**-8, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("cpuinfo", "made_for_bfloat16"),
    [
        ("vendor_id : GenuineIntel\nflags : fpu avx512f avx512_bf16 amx_bf16 amx_tile", True),
        ("vendor_id : GenuineIntel\nflags : fpu avx512f avx512_bf16", False),
        ("vendor_id : AuthenticAMD\nflags : fpu avx512f avx512_bf16", True),
        ("vendor_id : AuthenticAMD\nflags : fpu avx2", False),
    ],
)
def test_processors_made_for_bfloat16(cpuinfo, made_for_bfloat16):
    assert processor._is_made_for_bfloat16(cpuinfo) is made_for_bfloat16


@pytest.mark.at_first(every=5)
@pytest.mark.parametrize("shape", [(4, 5, 3, 16), (1, 7, 7, 8), (3, 1, 1, 32), (2, 9, 1, 4)])
@pytest.mark.parametrize("use_bias", [True, False])
def test_squeeze_excitation_trains_like_keras(shape, use_bias):
    class Stock(keras.layers.Layer):
        def build(self, input_shape):
            channels = input_shape[-1]
            self.pool = keras.layers.GlobalAveragePooling2D(keepdims=True)
            self.reduce = keras.layers.Conv2D(
                channels // 4, 1, activation="relu", use_bias=use_bias
            )
            self.expand = keras.layers.Conv2D(channels, 1, activation="sigmoid", use_bias=use_bias)
            self.reduce.build((None, 1, 1, channels))
            self.expand.build((None, 1, 1, channels // 4))

        def call(self, x):
            return x * self.expand(self.reduce(self.pool(x)))

        def compute_output_shape(self, input_shape):
            return input_shape

    ours = layers.SqueezeExcitation(reduction=4, use_bias=use_bias)
    assert_same_training(ours, Stock(), normal(shape) / 4)


@pytest.mark.parametrize(
    ("dtype", "bits", "tiny"), [("mixed_bfloat16", 7, 2.0**-133), ("mixed_float16", 10, 2.0**-24)]
)
def test_half_precision_training_and_inference_of_squeeze_excitation_agree(dtype, bits, tiny):
    x = keras.ops.cast(normal((4, 14, 14, 16)), dtype.removeprefix("mixed_"))
    layer = layers.SqueezeExcitation(reduction=4, dtype=dtype)
    trained, inferred = (
        keras.ops.convert_to_numpy(keras.ops.cast(layer(x, training=mode), "float32"))
        for mode in (True, False)
    )
    # A gate may round to the neighbour, and so may its product: `bits` are those of the mantissa.
    # Products near zero are subnormal: their neighbours lie the smallest number, `tiny`, apart.
    np.testing.assert_allclose(trained, inferred, rtol=2 * 2.0**-bits, atol=2 * tiny)


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


def test_tensorflow_does_not_make_the_operation_of_a_variable_anew_for_each_layer():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("names of TensorFlow")
    network = keras_senet.SEResNet20.replace(depths=(1, 1, 1))()
    names = {x.value.name for x in network.variables if "head" not in x.path}
    assert names == {
        *(f"BatchNormalization/{x}:0" for x in ("gamma", "beta", "moving_mean", "moving_variance")),
        "Conv2D/kernel:0",
        "FullyConnected/kernel:0",
        "FullyConnected/bias:0",
    }
    assert len({x.path for x in network.variables}) == len(network.variables)
