"""Files that earlier code wrote load to the same networks."""

import zipfile

import keras
import numpy as np
import pytest
from golden import make_earlier_files
from golden.make_earlier_files import images, networks

TOLERANCE = 1e-5  # processors and backends sum in different orders; outputs are of about 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("earlier")
    with zipfile.ZipFile(make_earlier_files.FILE) as archive:
        archive.extractall(path)
    return path


@pytest.mark.parametrize("name", networks())
def test_models_and_weights_of_earlier_code_give_its_outputs(name, folder):
    expected = np.load(folder / "outputs.npz")[name]
    model = keras.saving.load_model(folder / f"{name}.keras")
    np.testing.assert_allclose(model.predict(images(), verbose=0), expected, TOLERANCE, TOLERANCE)

    fresh = networks()[name]()
    fresh.load_weights(folder / f"{name}.weights.h5")
    np.testing.assert_allclose(fresh.predict(images(), verbose=0), expected, TOLERANCE, TOLERANCE)
    for ours, theirs in zip(fresh.weights, model.weights, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(ours), keras.ops.convert_to_numpy(theirs)
        )
    assert [layer.name for layer in fresh.layers] == [layer.name for layer in model.layers]
