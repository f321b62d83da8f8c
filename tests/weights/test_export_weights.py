"""What we export is what timm wrote: the same names, the same numbers.

timm's outputs for these files are golden numbers already (`test_peers.py`): a file that comes
back tensor by tensor has timm's outputs in timm.
"""

import keras
import numpy as np
import pytest
from golden.random_tensors import tensor
from weights.test_family_peers import SMALL as FAMILIES
from weights.test_family_peers import golden as family_golden
from weights.test_peers import SMALL, golden

import keras_senet

safetensors = pytest.importorskip("safetensors.numpy")
NETWORKS = {
    **SMALL,
    "mobilenetv3_small_100": FAMILIES["mobilenetv3_small_100"],
}


@pytest.mark.parametrize("network", NETWORKS)
def test_round_trip(network, tmp_path):
    shapes = golden()[0].get(network) or family_golden()[0][network]
    written = {name: tensor(name, shape) for name, shape in shapes.items()}
    safetensors.save_file(written, tmp_path / "timm.safetensors")
    model = NETWORKS[network](weights=tmp_path / "timm.safetensors", input_shape=(64, 64, 3))
    keras_senet.export_weights(model, tmp_path / "ours.safetensors")
    exported = safetensors.load_file(tmp_path / "ours.safetensors")
    assert exported.keys() == written.keys()
    for name, value in written.items():
        np.testing.assert_array_equal(exported[name], value)
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (keras_senet.SEResNet20, "no layout for 'se_resnet20'"),
        (keras_senet.ResNet50.replace(depths=(1, 1, 1, 1)), "no SE, which timm has no network for"),
        (
            keras_senet.SEResNet50.replace(depths=(1, 1, 1, 1), stem_pool="pad"),
            "stride in the 3x3",
        ),
        (
            keras_senet.SEResNet18.replace(
                depths=(1, 1, 1, 1), se=keras_senet.SEConfig(gate="tanh")
            ),
            "sigmoid gates",
        ),
    ],
)
def test_what_timm_lacks_is_refused(network, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        keras_senet.export_weights(network(classes=5), tmp_path / "x.safetensors")
    assert not list(tmp_path.iterdir())


def test_paths_and_heads(tmp_path):
    model = keras_senet.SEResNet18.replace(depths=(1, 1, 1, 1))(include_top=False)
    with pytest.raises(ValueError, match="no classifier"):
        keras_senet.export_weights(model, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match=r"ends in \.safetensors"):
        keras_senet.export_weights(model, tmp_path / "x.pth")
    assert keras.backend.backend()
