"""He's initialization: the distribution of Keras', and the same numbers on all backends."""

import statistics

import keras
import numpy as np
import pytest

from keras_senet import layers
from keras_senet.layers import HeNormal, Normal, tensor_memory

SHAPE = (3, 3, 32, 64)


def drawn(initializer, shape=SHAPE, dtype=None):
    return keras.ops.convert_to_numpy(initializer(shape, dtype))


@pytest.fixture(autouse=True)
def initializers_in_numpy():
    """None: Keras' own are compared."""


def test_the_distribution_is_that_of_keras():
    """Deviation, mean, largest value and quantiles of 294,912 numbers.

    The ninth decile of so many is off by 0.004 deviations as a rule, the difference of two by more.
    """
    shape = (3, 3, 128, 256)
    ours, other = drawn(HeNormal(seed=1), shape), drawn(keras.initializers.HeNormal(1), shape)
    expected = np.sqrt(2 / (3 * 3 * 128))  # equation 10
    assert ours.shape == other.shape and ours.dtype == other.dtype
    for values in (ours, other):
        assert values.std() == pytest.approx(expected, rel=0.01)
        assert abs(values.mean()) < 4 * expected / np.sqrt(values.size)
    # Keras' on PyTorch are four draws each, of which all may be beyond the cut.
    assert abs(ours).max() <= 2 * expected / 0.8796 * 1.0001
    quartiles = [np.quantile(values, (0.25, 0.5, 0.75, 0.9)) for values in (ours, other)]
    np.testing.assert_allclose(*quartiles, atol=0.03 * expected)


def test_the_numbers_are_the_same_on_all_backends():
    """The 16 bits of each from NumPy's own generator, whose stream its policy keeps.

    They number the 65,536 shares of the normal distribution between its deviations -2 and 2; the
    number is the quantile in the middle of its share, by the standard library.
    """
    normal = statistics.NormalDist()
    words = np.random.PCG64(7).random_raw(3).tolist()
    levels = [word >> shift & 0xFFFF for word in words for shift in (0, 16, 32, 48)][:10]
    shares = [(level + 0.5) / 65536 for level in levels]
    within = normal.cdf(2) - normal.cdf(-2)
    values = [normal.inv_cdf(normal.cdf(-2) + share * within) for share in shares]
    expected = np.array(values) * np.sqrt(2 / 5) / 0.87962566103423978
    np.testing.assert_allclose(drawn(HeNormal(seed=7), (5, 2)).ravel(), expected, rtol=2e-6)


def test_no_two_numbers_of_a_kernel_go_together():
    """Neighbours, channels, kernels of neighbouring seeds: correlations as of chance."""
    one, other = (drawn(HeNormal(seed=seed), (1, 1, 512, 512))[0, 0] for seed in (7, 8))
    limit = 5 / np.sqrt(one.size)
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < limit
    for distance in (1, 2, 3, 4, 512):
        flat = one.ravel()
        assert abs(np.corrcoef(flat[:-distance], flat[distance:])[0, 1]) < limit
    matrix = np.corrcoef(one)
    assert abs(matrix - np.eye(512)).max() < 7 / np.sqrt(512)


def test_seeds():
    again = HeNormal(seed=3)
    assert np.array_equal(drawn(again), drawn(HeNormal(seed=3)))
    assert not np.array_equal(drawn(again), drawn(HeNormal(seed=4)))
    assert not np.array_equal(drawn(HeNormal()), drawn(HeNormal()))
    keras.utils.set_random_seed(5)
    first = drawn(HeNormal())
    keras.utils.set_random_seed(5)
    assert np.array_equal(first, drawn(HeNormal()))
    assert drawn(HeNormal(seed=keras.random.SeedGenerator(1))).shape == SHAPE


def test_it_is_saved_with_a_layer():
    copy = keras.initializers.deserialize(keras.initializers.serialize(HeNormal(seed=3)))
    assert type(copy) is HeNormal and copy.seed == 3
    assert keras.backend.standardize_dtype(HeNormal()((2, 2), "float16").dtype) == "float16"


@pytest.mark.parametrize("dtype", ["int32", "complex64"])
def test_other_numbers_than_floating_point_are_refused(dtype):
    """As by Keras; cut to integers they would be zeros, mostly."""
    for initializer in (HeNormal(seed=1), Normal(0.1, seed=1)):
        with pytest.raises(ValueError, match=f"floating-point.*{dtype}"):
            initializer((2, 2), dtype)


@pytest.mark.parametrize("shape", [(4000,), (4000, 1), (2, 2000, 3)])
def test_a_vector_is_its_own_input(shape):
    ours, other = drawn(HeNormal(seed=1), shape), drawn(keras.initializers.HeNormal(1), shape)
    assert ours.std() == pytest.approx(other.std(), rel=0.05)


def test_shapes_and_seeds_at_the_edge():
    assert drawn(HeNormal(seed=0), (0, 3)).shape == (0, 3)
    assert drawn(HeNormal(seed=0), ()).shape == ()
    first, second = drawn(HeNormal(seed=-1)), drawn(HeNormal(seed=-2))
    assert not np.array_equal(first, second)
    assert np.array_equal(first, drawn(HeNormal(seed=-1)))


def test_normal_numbers():
    """Not cut; the stream of NumPy's own generator."""
    values = drawn(Normal(0.3, seed=7))
    expected = np.random.default_rng(7).standard_normal(values.size, "float32") * np.float32(0.3)
    np.testing.assert_array_equal(values.ravel(), expected)
    copy = keras.initializers.deserialize(keras.initializers.serialize(Normal(0.3, seed=7)))
    assert type(copy) is Normal and np.array_equal(drawn(copy), values)
    assert not np.array_equal(drawn(Normal(0.3)), drawn(Normal(0.3)))
    other = drawn(keras.initializers.RandomNormal(stddev=0.3, seed=1))
    assert values.std() == pytest.approx(other.std(), rel=0.02)
    assert drawn(Normal(0.3, seed=keras.random.SeedGenerator(1))).shape == SHAPE


@pytest.mark.parametrize("shape", [(3, 5), (1, 1, 800, 800)])
@pytest.mark.parametrize("initializer", [HeNormal(seed=3), Normal(2.0, seed=3)])
def test_the_memory_of_a_kernel_is_its_own(initializer, shape):
    """And begins where any instruction of a processor may read it."""
    one, other = (keras.Variable(initializer, shape) for _ in range(2))
    before = keras.ops.convert_to_numpy(one).copy()
    if keras.backend.backend() == "tensorflow":
        tensor = np.asarray(memoryview(initializer(shape)))  # a view, not a copy
        assert tensor.ctypes.data % tensor_memory.ALIGNMENT == 0
    one.assign_add(keras.ops.ones(shape))
    assert np.array_equal(keras.ops.convert_to_numpy(one), before + 1)
    assert np.array_equal(keras.ops.convert_to_numpy(other), before)
    assert np.array_equal(drawn(initializer, shape), before)


@pytest.mark.parametrize("policy", ["float32", "float64", "mixed_bfloat16"])
def test_zeros_and_ones_are_those_of_keras(policy):
    """Of our layers, which TensorFlow is given as arrays; what is saved are Keras' names."""
    ours = layers.BatchNormalization(dtype=policy)
    stock = keras.layers.BatchNormalization(dtype=policy)
    for layer in (ours, stock):
        layer.build((None, 4, 4, 3))
    for one, other in zip(ours.weights, stock.weights, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert ours.get_config()["gamma_initializer"] == stock.get_config()["gamma_initializer"]
    ours.gamma.assign_add(ours.gamma)
    assert ours.beta.numpy().tolist() == [0, 0, 0] and ours.moving_variance.numpy().max() == 1
    again = layers.BatchNormalization()
    again.build((None, 4, 4, 3))
    assert again.gamma.numpy().tolist() == [1, 1, 1]
