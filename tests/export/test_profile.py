"""The profile of a file names what its delegate runs."""

import keras
import pytest

from keras_senet import export

WORDS = ("Convolution", "Fully Connected", "Max Pooling", "Softmax")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Two convolutions, of which LiteRT computes the 1x1 one as a matrix product."""
    image = keras.Input((32, 32, 3), name="image")
    x = keras.layers.Conv2D(16, 3)(image)
    x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Conv2D(8, 1)(x)
    model = keras.Model(image, keras.layers.Softmax()(x))
    return export.to_tflite(model, tmp_path_factory.mktemp("profile") / "network.tflite")


@pytest.mark.slow
def test_kinds_of_operators(path):
    rows = export.profile(path, runs=3)
    kinds = {row.operator: row.count for row in rows}
    assert [sum(n for kind, n in kinds.items() if word in kind) for word in WORDS] == [1, 1, 1, 1]
    assert sum(row.share for row in rows) == pytest.approx(1, abs=0.01)
    assert [row.ms for row in rows] == sorted((row.ms for row in rows), reverse=True)


@pytest.mark.slow
def test_what_cannot_be_profiled(path, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.tflite"):
        export.profile(tmp_path / "absent.tflite")
    with pytest.raises(ValueError, match="above 0"):
        export.profile(path, runs=0)
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"cannot profile .*broken\.tflite"):
        export.profile(broken)
