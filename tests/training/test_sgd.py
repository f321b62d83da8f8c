import keras
import numpy as np
import pytest

from keras_senet.training import SGD


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
