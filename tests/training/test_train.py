import json

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet.training import DIGITS, SGD, train

TINY = keras_senet.SEResNet20.replace(depths=(1, 1, 1))


def test_sgd_applies_l2_as_pytorch_does():
    torch = pytest.importorskip("torch")
    start = np.array([[1.0, -2.0]], "float32")
    layer = keras.layers.Dense(2, use_bias=False)
    layer.build((None, 1))
    layer.set_weights([start])
    peer = torch.nn.Parameter(torch.tensor(start))
    options = {"momentum": 0.9, "nesterov": True}
    optimizer = SGD(0.1, l2=0.3, **options)
    peer_optimizer = torch.optim.SGD([peer], lr=0.1, weight_decay=0.3, **options)
    for gradient in (0.5, -0.2, 0.1):
        optimizer.apply([keras.ops.full((1, 2), gradient)], [layer.kernel])
        peer.grad = torch.full((1, 2), gradient)
        peer_optimizer.step()
    np.testing.assert_allclose(layer.get_weights()[0], peer.detach().numpy(), rtol=1e-5)


def test_a_run_learns_and_leaves_its_files(tmp_path):
    dataset = keras_senet.data.load("digits", image_size=16)
    result = train(TINY, dataset, DIGITS.replace(epochs=3), tmp_path)
    assert result.accuracy > 0.5  # chance is 0.1
    names = {"model.keras", "history.csv", "summary.json", "curves.png"}
    assert {file.name for file in tmp_path.iterdir()} == names
    images, labels = dataset.held_out_arrays()
    model = keras.models.load_model(tmp_path / "model.keras")
    share = np.mean(model.predict(images, verbose=0).argmax(-1) == labels)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["held_out_accuracy"] == pytest.approx(share, abs=1e-6)


def test_invalid_arguments(tmp_path):
    dataset = keras_senet.data.load("digits", image_size=16)
    with pytest.raises(ValueError, match="mixed_precision"):
        train(TINY, dataset, DIGITS, tmp_path, mixed_precision="int4")
    with pytest.raises(ValueError, match="larger than the 1433"):
        train(TINY, dataset, DIGITS.replace(batch_size=2000), tmp_path)
