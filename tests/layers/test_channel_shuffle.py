"""ChannelShuffle against its definition in numpy."""

import keras
import numpy as np
import pytest

from keras_senet.layers import ChannelShuffle


def image(shape):
    return np.arange(np.prod(shape), dtype="float32").reshape(shape)


def by_definition(x, groups):
    """Section 3.1: reshape the channels to (g, n), transpose, flatten."""
    matrix = x.reshape(*x.shape[:3], groups, -1)
    return matrix.swapaxes(3, 4).reshape(x.shape)


@pytest.mark.parametrize("groups", [1, 2, 3, 4, 8, 24])
def test_equals_the_definition(groups):
    x = image((2, 3, 5, 24))
    output = keras.ops.convert_to_numpy(ChannelShuffle(groups)(x))
    np.testing.assert_array_equal(output, by_definition(x, groups))


@pytest.mark.parametrize("size", [(None, None), (4, None), (None, 3), (4, 3)])
def test_open_sizes(size):
    inputs = keras.Input((*size, 12))
    model = keras.Model(inputs, ChannelShuffle(3)(inputs))
    assert model.output.shape == (None, *size, 12)
    x = image((5, 4, 3, 12))
    output = keras.ops.convert_to_numpy(model(x))
    np.testing.assert_array_equal(output, by_definition(x, 3))


def test_saved_model_needs_no_custom_objects(tmp_path):
    model = keras.Sequential([keras.Input((2, 2, 6)), ChannelShuffle(3, name="shuffle")])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[0].get_config() == model.layers[0].get_config()
    assert loaded.layers[0].groups == 3


def test_bad_arguments():
    for groups in (0, -2, 1.5, True, None):
        with pytest.raises(ValueError, match="`groups` must be an integer above 0"):
            ChannelShuffle(groups)
    with pytest.raises(ValueError, match="multiple of groups=5"):
        ChannelShuffle(5)(image((1, 2, 2, 24)))
    with pytest.raises(ValueError, match="expected ndim=4"):
        ChannelShuffle(2)(image((1, 4)))
