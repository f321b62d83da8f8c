"""Second derivatives in training, against finite differences and plain operations in float64."""

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet import layers

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="The kernels of our own are TensorFlow's."
)


def plain(weights):
    """SE in plain operations, in the dtype of the weights."""
    import tensorflow as tf

    w1, b1, w2, b2 = weights

    def call(x):
        hidden = tf.nn.softplus(tf.reduce_mean(x, (1, 2)) @ w1[0, 0] + b1)
        return x * tf.sigmoid(hidden @ w2[0, 0] + b2)[:, None, None, :]

    return call


def setting(dtype="float32", shape=(3, 5, 6, 8)):
    """The layer in training, the same in float64, an image and a direction."""
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    layer = layers.SqueezeExcitation(2, activation="softplus", dtype=dtype)
    layer.build(shape)
    rng = np.random.default_rng(0)
    x, v = (
        tf.cast(rng.normal(size=shape), layer.compute_dtype),
        tf.cast(rng.normal(size=shape), layer.compute_dtype),
    )
    exact = plain([tf.cast(weight.value, "float64") for weight in layer.weights])
    return (lambda x: layer(x, training=True)), exact, x, v


def loss(call, x):
    import tensorflow as tf

    y = call(x)
    return tf.reduce_sum(tf.sin(y if y.dtype == "float64" else tf.cast(y, "float32")))


def gradient(call, x):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        y = loss(call, x)
    return tape.gradient(y, x)


def differences(call, x, v, step=1e-5):
    """Hessian times vector, by finite differences in float64."""
    import tensorflow as tf

    x, v = tf.cast(x, "float64"), tf.cast(v, "float64")
    return (gradient(call, x + step * v) - gradient(call, x - step * v)) / (2 * step)


def backward_twice(call, x, v):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        product = tf.reduce_sum(gradient(call, x) * v)
    return tape.gradient(product, x)


def forward_of_backward(call, x, v):
    import tensorflow as tf

    with tf.autodiff.ForwardAccumulator(x, v) as forward:
        result = gradient(call, x)
    return forward.jvp(result)


def backward_of_forward(call, x, v):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        with tf.autodiff.ForwardAccumulator(x, v) as forward:
            y = loss(call, x)
        product = forward.jvp(y)
    return tape.gradient(product, x)


def assert_near(actual, expected, bound=1e-4):
    actual, expected = (np.asarray(keras.ops.cast(x, "float64")) for x in (actual, expected))
    assert np.abs(actual - expected).max() <= bound * np.abs(expected).max()


@pytest.mark.at_first(every=4)
@pytest.mark.parametrize("product", [backward_twice, forward_of_backward, backward_of_forward])
@pytest.mark.parametrize("mode", ["eager", "function", "compiled"])
def test_hessian_times_vector(product, mode):
    import tensorflow as tf

    call, exact, x, v = setting()

    def run():
        return product(call, x, v)

    if mode != "eager":
        run = tf.function(run, jit_compile=mode == "compiled")
    assert_near(run(), differences(exact, x, v))


@pytest.mark.parametrize(("dtype", "bound"), [("mixed_bfloat16", 3e-2), ("mixed_float16", 5e-3)])
def test_half_precision_is_right_to_its_rounding(dtype, bound):
    call, exact, x, v = setting(dtype)
    assert_near(backward_twice(call, x, v), differences(exact, x, v), bound)


def test_third_derivative():
    import tensorflow as tf

    def third(call, x, v):
        with tf.GradientTape() as tape:
            tape.watch(x)
            square = tf.reduce_sum(backward_twice(call, x, v) ** 2)
        return tape.gradient(square, x)

    call, exact, x, v = setting(shape=(2, 3, 4, 4))
    assert_near(third(call, x, v), third(exact, tf.cast(x, "float64"), tf.cast(v, "float64")))


def test_batch_normalization():
    """Keras' own is 2 % off here: it stops the gradient of the mean in the variance."""
    import tensorflow as tf

    def exact(x):
        centred = x - tf.reduce_mean(x, (0, 1, 2))
        return centred * tf.math.rsqrt(tf.reduce_mean(centred**2, (0, 1, 2)) + 1e-3)

    _, _, x, v = setting()
    layer = layers.BatchNormalization()
    layer.build(x.shape)
    expected = differences(exact, x, v)
    for product in (backward_twice, forward_of_backward):
        assert_near(product(lambda x: layer(x, training=True), x, v), expected)


@pytest.mark.slow
def test_gradient_penalty_of_a_network(monkeypatch):
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    network = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
    model = network(input_shape=(16, 16, 3), classes=4)
    x = tf.constant(np.random.default_rng(0).uniform(0, 255, (4, 16, 16, 3)), "float32")

    @tf.function
    def penalty(x):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = tf.reduce_sum(tf.math.log(model(x, training=True)[:, 0]))
            square = tf.reduce_sum(inner.gradient(y, x) ** 2)
        return outer.gradient(square, [weight.value for weight in model.trainable_weights[:-2]])

    ours = penalty.get_concrete_function(x)(x)
    # Without the kernel SE is mean, products and scaling, each by its own operation.
    monkeypatch.setattr(layers.SqueezeExcitation, "_is_lean", lambda self, inputs: False)
    stock = penalty.python_function(x)
    scale = max(np.abs(weight).max() for weight in stock)
    for actual, expected in zip(ours, stock, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4 * scale)
