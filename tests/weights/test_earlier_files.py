"""Files that earlier code wrote give the outputs that it computed: see `golden/make_saved.py`."""

import json
import pathlib
import zipfile

import keras
import numpy as np
import pytest
from golden import make_saved

SAVED = pathlib.Path(make_saved.__file__).parent / "saved"


def _skip_if_newer(path):
    """Keras does not promise to read what a later Keras wrote."""
    with zipfile.ZipFile(path) as file:
        version = json.loads(file.read("metadata.json"))["keras_version"]
    if [*map(int, keras.__version__.split(".")[:2])] < [*map(int, version.split(".")[:2])]:
        pytest.skip(f"Keras {version} wrote it.")


@pytest.mark.parametrize("path", sorted(SAVED.glob("*.[kh]*")), ids=lambda path: path.name)
def test_outputs_are_the_same(path):
    name, _, suffix = path.name.partition(".")
    if suffix == "keras":
        _skip_if_newer(path)
        model = keras.saving.load_model(path)
    else:
        model = make_saved.MODELS[name]()
        model.load_weights(path)
    expected = np.load(SAVED / f"{name}.npy")
    outputs = keras.ops.convert_to_numpy(model(make_saved.pixels(model)))
    # Other processors sum in another order, and so does Keras' normalization, which computes
    # float32 inference since. With the fused kernel of then, and on one processor, all bits are
    # equal.
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)
    assert np.abs(expected[0] - expected[1]).max() > 1e-4  # a constant would tell nothing
