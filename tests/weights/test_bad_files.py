"""A bad weights file is refused with the tensor named, and no model is left over."""

import json
import logging
import pickle

import keras
import numpy as np
import pytest
from weights import reference_files

import keras_senet
from keras_senet import SEConfig, SEResNet18, SEResNet20, SEResNet50
from keras_senet.weights.layouts import table, timm

safetensors = pytest.importorskip("safetensors.numpy")

NETWORK = SEResNet18.replace(depths=(1, 1, 1, 1), classes=5)


@pytest.fixture(scope="module")
def good():
    """The tensors of a file that fits, in timm's layout and order of axes."""
    model = table.fit(timm.RESNET, NETWORK)()
    tensors = {}
    for name, variable in timm.RESNET.variables(model):
        value = keras.ops.convert_to_numpy(variable)
        value = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T
        tensors[name] = np.ascontiguousarray(value)
    return tensors


def without(tensors, name):
    return {key: value for key, value in tensors.items() if key != name}


BN = "layer2.0.bn1.running_var"
CASES = {
    "missing tensor": (lambda t: without(t, BN), f"no tensor '{BN}' \\(1 missing\\)"),
    "extra tensor": (
        lambda t: {**t, "layer9.0.conv1.weight": np.ones(3, "float32")},
        "has a tensor 'layer9.0.conv1.weight' \\(1 left over\\)",
    ),
    "wrong shape": (
        lambda t: {**t, "conv1.weight": np.ones((64, 4, 7, 7), "float32")},
        "'conv1.weight'.*shape \\(7, 7, 4, 64\\).*Expected: \\(7, 7, 3, 64\\)",
    ),
    "transposed rank": (
        lambda t: {**t, "layer1.0.conv1.weight": np.ones((64, 576), "float32")},
        "'layer1.0.conv1.weight'.*Expected: \\(3, 3, 64, 64\\)",
    ),
    "not a number": (
        lambda t: {**t, BN: np.full(128, np.nan, "float32")},
        f"'{BN}'.*not finite",
    ),
    "infinite": (
        lambda t: {**t, "fc.bias": np.full(5, np.inf, "float32")},
        "'fc.bias'.*not finite",
    ),
    "variance below 0": (
        lambda t: {**t, BN: np.full(128, -1e-3, "float32")},
        f"'{BN}'.*variances below 0, down to -0.001",
    ),
    "integers": (lambda t: {**t, BN: np.ones(128, "int32")}, f"'{BN}'.*int32. Expected floats"),
    "unknown layout": (lambda t: {f"module{k}": v for k, v in t.items()}, "Unknown weight layout"),
    "no tensors": (lambda t: {}, "holds no tensors"),
    "no SE": (
        lambda t: {k: v for k, v in t.items() if ".se." not in k},
        "no tensor 'layer1.0.se.fc1.weight'",
    ),
    "head missing": (lambda t: without(t, "fc.weight"), "no tensor 'fc.weight'"),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_tensors(case, good, tmp_path):
    change, message = CASES[case]
    safetensors.save_file(change(good), tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match=message):
        NETWORK(weights=tmp_path / "x.safetensors")


def test_the_unchanged_file_loads_exactly(good, tmp_path):
    safetensors.save_file(good, tmp_path / "x.safetensors")
    model = NETWORK(weights=tmp_path / "x.safetensors")
    kernel = model.get_layer("stage5_block1_conv2").kernel
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(kernel), good["layer4.0.conv2.weight"].transpose(2, 3, 1, 0)
    )
    assert model.get_layer("stem_pool_pad").padding == ((1, 1), (1, 1))  # timm's backbone


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_files(good, dtype, tmp_path):
    import ml_dtypes

    half = {key: value.astype(getattr(ml_dtypes, dtype, dtype)) for key, value in good.items()}
    safetensors.save_file(half, tmp_path / "x.safetensors")
    model = NETWORK(weights=tmp_path / "x.safetensors")
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(model.get_layer("head").kernel),
        half["fc.weight"].astype("float32").T,
    )


@pytest.mark.parametrize("tenth", range(10))
def test_truncated(tenth, good, tmp_path):
    path = tmp_path / "x.safetensors"
    safetensors.save_file(good, path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * tenth // 10])
    with pytest.raises(ValueError, match="not a safetensors file, or it is truncated"):
        NETWORK(weights=path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.safetensors", b"<html>Not found</html>" * 99, "not a safetensors file"),
        ("x.safetensors", (1 << 62).to_bytes(8, "little"), "not a safetensors file"),
        ("x.weights.h5", b"not an HDF5 file", "not an HDF5 file of weights"),
        ("x.npz", b"", "Expected a file that ends in .safetensors"),
    ],
)
def test_not_a_weights_file(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        NETWORK(weights=tmp_path / name)


def test_no_file(tmp_path):
    for name in ("x.safetensors", "x.pth", "x.weights.h5"):
        with pytest.raises(ValueError, match="No weights file at"):
            NETWORK(weights=tmp_path / name)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (SEResNet50, "no tensor|shape"),
        (SEResNet20, "no weights for se_resnet20"),
        (NETWORK.replace(se=None), "has a tensor 'layer1.0.se.fc1.bias'"),
        (NETWORK.replace(se=SEConfig(reduction=8)), "were trained with SEConfig\\(reduction=16"),
        (NETWORK.replace(se=SEConfig(placement="post")), "were trained with"),
    ],
)
def test_wrong_network(network, message, good, tmp_path):
    safetensors.save_file(good, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match=message):
        network(weights=tmp_path / "x.safetensors")


def test_other_classes_leave_a_fresh_head_and_say_so(good, tmp_path, caplog):
    safetensors.save_file(good, tmp_path / "x.safetensors")
    with caplog.at_level(logging.WARNING, "keras_senet"):
        model = NETWORK(weights=tmp_path / "x.safetensors", classes=3)
    assert "has 5 classes, the model has 3: its classifier keeps its random weights" in caplog.text
    assert model.output.shape == (None, 3)
    features = NETWORK(weights=tmp_path / "x.safetensors", include_top=False)
    assert features.output.shape == (None, None, None, 512)


def test_torch_checkpoints(good, tmp_path):
    torch = pytest.importorskip("torch")
    state = {name: torch.from_numpy(value) for name, value in good.items()}
    state["bn1.num_batches_tracked"] = torch.tensor(7)
    for content in (state, {"state_dict": state, "epoch": 3}):
        torch.save(content, tmp_path / "x.pth")
        model = NETWORK(weights=tmp_path / "x.pth")
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(model.get_layer("head").bias), good["fc.bias"]
        )


def test_torch_checkpoints_run_no_code(tmp_path):
    torch = pytest.importorskip("torch")

    class Payload:
        def __reduce__(self):
            return (open, (str(tmp_path / "written"), "w"))

    torch.save({"conv1.weight": Payload()}, tmp_path / "x.pth")
    (tmp_path / "y.pth").write_bytes(pickle.dumps(Payload()))
    torch.save([1, 2], tmp_path / "z.pth")
    torch.save({"conv1.weight": "text"}, tmp_path / "w.pth")
    for name in ("x", "y"):
        with pytest.raises(ValueError, match="not a PyTorch checkpoint of plain tensors"):
            NETWORK(weights=tmp_path / f"{name}.pth")
    assert not (tmp_path / "written").exists()
    with pytest.raises(ValueError, match="holds a list"):
        NETWORK(weights=tmp_path / "z.pth")
    with pytest.raises(ValueError, match=r"a str\. Expected tensors only"):
        NETWORK(weights=tmp_path / "w.pth")


def test_own_weights_files(tmp_path):
    source = NETWORK()
    source.save_weights(tmp_path / "x.weights.h5")
    loaded = NETWORK(weights=tmp_path / "x.weights.h5")
    for a, b in zip(source.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_header_of_a_hostile_size(tmp_path):
    header = json.dumps(
        {"conv1.weight": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}
    ).encode()
    (tmp_path / "x.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ValueError, match="not a safetensors file"):
        NETWORK(weights=tmp_path / "x.safetensors")


UNIT = "features.stage3.unit1"


@pytest.mark.at_first(every=4)
@pytest.mark.parametrize(
    ("network", "architecture", "change", "message"),
    [
        (
            "mobilenet_wd4",
            reference_files.SMALL["mobilenet_wd4"],
            {f"{UNIT}.dw_conv.bn.weight": None},
            f"no tensor '{UNIT}.dw_conv.bn.weight' \\(1 missing\\)",
        ),
        (
            "mobilenet_wd4",
            reference_files.SMALL["mobilenet_wd4"],
            {"features.stage9.unit1.conv.weight": (3, 3, 3, 3)},
            "has a tensor 'features.stage9.unit1.conv.weight' \\(1 left over\\)",
        ),
        (
            "mobilenet_wd4",
            reference_files.SMALL["mobilenet_wd4"],
            {f"{UNIT}.dw_conv.conv.weight": (32, 1, 5, 5)},
            "the shape \\(5, 5, 32, 1\\).*Expected: \\(3, 3, 32, 1\\)",
        ),
        (
            "mobilenet_wd4",
            reference_files.SMALL["mobilenet_wd4"],
            {f"{UNIT}.dw_conv.conv.weight": (32, 32, 3, 3)},
            "the shape \\(3, 3, 32, 32\\).*Expected: \\(3, 3, 32, 1\\)",
        ),
        ("mobilenet_wd4", keras_senet.MobileNet, {}, "Expected: \\(3, 3, 3, 32\\)"),
        ("tinynet_e", keras_senet.TinyNetD, {}, "no tensor 'blocks.5.2.conv_pw.weight'"),
        ("tinynet_e", keras_senet.EfficientNetB0, {}, "no tensor 'blocks.1.1.conv_pw.weight'"),
        (
            "test_efficientnet",
            keras_senet.EfficientNetV2B0,
            {},
            "no tensor 'blocks.1.1.conv_exp.weight'",
        ),
        (
            "small_mnasnet",
            keras_senet.MnasNetA1.replace(width=0.5),
            {},
            "no tensor 'blocks.1.1.conv_pw.weight'",
        ),
        (
            "mobilenet_wd4",
            keras_senet.SEMobileNet.replace(alpha=0.25),
            {},
            "no counterpart of our layer 'stage1_block1'",
        ),
        (
            "mobilenet_wd4",
            keras_senet.ShuffleNet,
            {},
            "no weights for shufflenet \\(ShuffleNetV1\\)",
        ),
        (
            "shufflenetv2_wd2",
            keras_senet.ShuffleNet,
            {},
            "no weights for shufflenet \\(ShuffleNetV1\\)",
        ),
        (
            "shufflenetv2_wd2_se",
            keras_senet.ShuffleNetV2x05,
            {},
            "has a tensor .*se.conv1.bias.* left over",
        ),
        (
            "mobilenetv3_small_100",
            keras_senet.MobileNetV3Small.replace(se=keras_senet.SEConfig()),
            {},
            "were trained with SEConfig\\(reduction=4",
        ),
        ("mobilenetv3_small_100", keras_senet.MobileNetV3SmallMinimalistic, {}, "shape|left over"),
    ],
)
def test_a_file_of_another_network_is_refused(network, architecture, change, message, tmp_path):
    found = reference_files.tensors(network)
    for name, shape in change.items():
        if shape is None:
            del found[name]
        else:
            found[name] = np.zeros(shape, "float32")
    safetensors.save_file(found, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match=message):
        architecture(weights=tmp_path / "x.safetensors", input_shape=(64, 64, 3))
