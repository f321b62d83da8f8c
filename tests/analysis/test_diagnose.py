"""Wrong channel order, mean, epsilon or order of labels are found by trying them."""

import dataclasses

import keras
import numpy as np
import pytest
from golden.random_tensors import image

import keras_senet
from keras_senet.analysis import diagnose
from keras_senet.analysis.ports import check, parity
from keras_senet.weights import CAFFE, IMAGENET
from keras_senet.weights.labels import from_caffe

NETWORK = keras_senet.SEResNet18.replace(depths=(1, 1, 1, 1))


@pytest.fixture(scope="module")
def answers():
    """A network with Caffe's normalization, images, and its own answers in Caffe's order."""
    keras.utils.set_random_seed(0)
    truth = NETWORK.replace(preprocessing=CAFFE)(input_shape=(64, 64, 3))
    rng = np.random.default_rng(0)
    waves = np.concatenate([image(64 + 0)] * 8)
    images = np.clip(
        waves * rng.uniform(0.2, 1, (8, 1, 1, 3)) + rng.normal(0, 60, (8, 64, 64, 3)), 0, 255
    )
    # The network sees BGR; its labels are turned to the usual order.
    scores = keras.ops.convert_to_numpy(truth(images[..., ::-1].astype("float32")))
    labels = from_caffe(scores.T).T.argmax(1)
    return truth, images, labels


def test_diagnose(answers):
    truth, images, labels = answers
    wrong = NETWORK.replace(preprocessing=IMAGENET)(input_shape=(64, 64, 3))
    wrong.set_weights(truth.get_weights())
    epsilons = [x.epsilon for x in wrong.layers if hasattr(x, "epsilon")]
    best, *others = diagnose(wrong, images, labels)
    assert best.accuracy == 1.0
    assert (best.channel_order, best.normalization, best.labels) == ("bgr", "Caffe mean", "caffe")
    assert len(others) == 31
    assert [x.epsilon for x in wrong.layers if hasattr(x, "epsilon")] == epsilons
    with pytest.raises(ValueError, match="no preprocessing layer"):
        diagnose(keras_senet.SEResNet20(include_preprocessing=False), images, labels)


def test_the_report_names_the_first_layer_that_differs():
    same = [parity.Difference(f"layer{i}", f"module{i}", 1e-7) for i in range(3)]
    assert parity.report(same).startswith("All 3 layers agree")
    other = [same[0], dataclasses.replace(same[1], error=0.5), same[2]]
    assert "First difference: layer1 (module1), relative error 0.5; layer0 agrees" in parity.report(
        other
    )


@pytest.mark.parametrize(("error", "code"), [(1e-7, 0), (0.5, 1)])
def test_the_program_returns_1_where_a_layer_differs(error, code, monkeypatch, capsys):
    def compare(network, path, peer, images, peer_python):
        assert network is keras_senet.SEResNet18 and images.shape == (1, 32, 32, 3)
        return [parity.Difference("stem_conv", path, error)]

    monkeypatch.setattr(parity, "compare", compare)
    flags = ["w.safetensors", "--network=SEResNet18", "--peer=legacy_seresnet18", "--size=32"]
    assert check.main(flags) == code
    assert "stem_conv" in capsys.readouterr().out
