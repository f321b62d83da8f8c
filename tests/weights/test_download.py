"""The way of a weight set: fetched, resumed, verified, kept, loaded, used."""

import dataclasses
import hashlib
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from golden.random_tensors import image
from weights import applications_files, caffe_files
from weights.hub_server import Server
from weights.reference_files import tensors

import keras_senet
from keras_senet.weights import download, load
from keras_senet.weights.load import find

huggingface_hub = pytest.importorskip("huggingface_hub")
constants = pytest.importorskip("huggingface_hub.constants")
file_download = pytest.importorskip("huggingface_hub.file_download")
safetensors = pytest.importorskip("safetensors.numpy")
GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
ONE = (1, 1, 1, 1)


def new_sessions():
    """Before version 1 the client's session asks for what is patched here when it begins."""
    getattr(huggingface_hub.utils, "reset_sessions", lambda: None)()


@pytest.fixture
def server(monkeypatch, tmp_path):
    """The server, and a client that knows no other and has an empty cache."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(download.time, "sleep", lambda _: None)
    new_sessions()
    with Server().running() as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        # Both are made from HF_ENDPOINT when the client is imported.
        template = running.url + "/{repo_id}/resolve/{revision}/{filename}"
        for module in (constants, file_download):  # before version 1 this has its own
            monkeypatch.setattr(module, "HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)
        yield running


@pytest.fixture
def records(monkeypatch):
    """Adds records to the table for this test."""

    def add(*rows):
        by_name = {row.name: row for row in rows}
        monkeypatch.setattr(load, "find", lambda name: by_name.get(name) or find(name))

    return add


def hub_record(server, network="small_seresnet", name="timm/seresnet50.a1_in1k", **changes):
    """A record of the table whose file on our server is a shallow network's."""
    record = dataclasses.replace(find(name), classes=10, **changes)
    server.files[f"{record.repository}/{record.filename}"] = safetensors.save(tensors(network))
    return record


SHALLOW = keras_senet.SEResNet50.replace(depths=ONE)


def predicts(model):
    size = model.input_shape[1] or 64
    output = keras.ops.convert_to_numpy(model(image(size)))
    assert output.shape == (1, model.output_shape[1]) and abs(output.sum() - 1) < 1e-3


@pytest.mark.slow
def test_from_the_hub_and_offline(server, records, monkeypatch):
    records(hub_record(server))
    model = SHALLOW(weights="timm/seresnet50.a1_in1k")
    layer = model.get_layer("preprocessing")
    assert (layer.size, layer.crop, layer.interpolation) == (288, 1.0, "bicubic")
    assert model.input_shape == (None, 288, 288, 3)
    assert model.get_layer("stem_pool_pad").padding == ((1, 1), (1, 1))
    predicts(model)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    new_sessions()
    server.files.clear()
    asked = len(server.requests)
    again = SHALLOW(weights="timm/seresnet50.a1_in1k")
    assert len(server.requests) == asked
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


@pytest.mark.slow
def test_a_broken_connection_resumes(server, records):
    records(hub_record(server))
    server.cut = 2
    predicts(SHALLOW(weights="timm/seresnet50.a1_in1k", input_shape=(64, 64, 3)))
    ranges = [what for what, _ in server.requests if what.startswith("bytes=")]
    assert server.cut == 0 and len(ranges) >= 2 and ranges[-1] != "bytes=0-"


def test_a_changed_byte_is_refused_and_removed(server, records, tmp_path):
    records(hub_record(server))
    server.flip = True
    with pytest.raises(ValueError, match=r"is broken or was changed: sha256 .* It was removed"):
        SHALLOW(weights="timm/seresnet50.a1_in1k")
    assert not list((tmp_path / "hub").rglob("*.safetensors"))
    assert not [p for p in (tmp_path / "hub").rglob("blobs/*") if p.is_file() and p.stat().st_size]
    server.flip = False
    predicts(SHALLOW(weights="timm/seresnet50.a1_in1k", input_shape=(64, 64, 3)))


def test_the_checksum_of_the_record_counts(server, records):
    records(hub_record(server, checksum=f"sha256:{'0' * 64}"))
    with pytest.raises(ValueError, match="is broken or was changed"):
        SHALLOW(weights="timm/seresnet50.a1_in1k")


def test_nothing_to_fetch_from(server, records, monkeypatch):
    records(dataclasses.replace(find("timm/seresnet50.a1_in1k")))
    with pytest.raises(ValueError, match=r"(?s)Cannot fetch timm/.*pass its path as `weights`"):
        SHALLOW(weights="timm/seresnet50.a1_in1k")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match=r"(?s)Cannot fetch timm/.*pass its path as `weights`"):
        SHALLOW(weights="timm/seresnet50.a1_in1k")
    with pytest.raises(ValueError, match=r"no program can fetch it.*drive\.google.*put it at"):
        keras_senet.SENet154(weights="caffe/SENet-154")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ValueError, match=r"HF_HUB_OFFLINE is set.*put it at .*SE-ResNet-50\.caff"):
        keras_senet.SEResNet50(weights="caffe/SE-ResNet-50")


def plain_files(folder):
    """Files of every layout that is fetched from a plain address: name, network, content."""
    torch = pytest.importorskip("torch")
    state = {k: torch.from_numpy(v) for k, v in tensors("small_legacy_seresnet").items()}
    torch.save(state, folder / "x.pth")
    yield "timm/legacy_seresnet50.in1k", SHALLOW, folder / "x.pth"
    caffe_files.write("SE-BN-Inception", folder / "x.caffemodel")
    yield "caffe/SE-BN-Inception", keras_senet.SEBNInception, folder / "x.caffemodel"
    model = keras.applications.MobileNet(weights=None)
    applications_files.write(model, folder / "x.h5")
    yield "keras/mobilenet", keras_senet.SEMobileNet, folder / "x.h5"


@pytest.mark.slow
def test_every_layout_from_a_plain_address(server, records, tmp_path):
    for name, network, file in plain_files(tmp_path):
        content = file.read_bytes()
        server.requests.clear()
        server.files[file.name] = content
        record = dataclasses.replace(
            find(name),
            url=f"{server.url}/{file.name}",
            checksum=f"sha256:{hashlib.sha256(content).hexdigest()[:8]}",
            classes=10 if "legacy" in name else 1000,
        )
        records(record)
        server.flip = True
        with pytest.raises(ValueError, match="is broken or was changed"):
            network(weights=name)
        server.flip, server.cut = False, 2
        predicts(network(weights=name))
        assert server.cut == 0
        ranges = [what for what, _ in server.requests if what.startswith("bytes=")]
        assert ranges and ranges[-1] != "bytes=0-"  # resumed
        server.files.clear()
        predicts(network(weights=name, input_shape=(64, 64, 3)))  # from the cache
        kept = download.cache_path(record)
        assert [path.name for path in kept.parent.iterdir()] == [kept.name]


@pytest.mark.at_first(every=2)
@pytest.mark.parametrize(
    ("name", "network", "golden"),
    [
        ("timm/mobilenetv3_small_100.lamb_in1k", "MobileNetV3Small", "mobilenetv3_small_100"),
        ("timm/tf_mobilenetv3_small_100.in1k", "MobileNetV3Small", "tf_mobilenetv3_small_100"),
    ],
)
def test_the_other_layouts_of_the_hub(server, records, name, network, golden):
    record = dataclasses.replace(hub_record(server, golden, name), classes=1000)
    records(record)
    model = getattr(keras_senet, network)(weights=name)
    padding = model.get_layer("stem_conv").padding
    assert padding == ("same" if "tf_" in name else "valid")
    predicts(model)


@pytest.mark.parametrize("known", [True, False])
def test_the_next_call_goes_on_where_a_checksum_proves_the_whole(known, server):
    content = np.random.default_rng(0).bytes(100_000)
    server.files["x.h5"] = content
    record = dataclasses.replace(
        find("keras/mobilenet"),
        url=f"{server.url}/x.h5",
        filename="x.h5",
        checksum=f"md5:{hashlib.md5(content).hexdigest()}" if known else None,
    )
    path = download.cache_path(record)
    path.parent.mkdir(parents=True)
    path.with_name("x.h5.part").write_bytes(content[:40_000])
    assert download.fetch(record).read_bytes() == content
    ranges = [what for what, _ in server.requests if what.startswith("bytes=")]
    assert ranges[0] == ("bytes=40000-" if known else "bytes=0-")
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_wrong_network_is_told_before_anything_is_fetched(server):
    with pytest.raises(ValueError) as error:
        keras_senet.SEResNet101(weights="timm/seresnet50.a1_in1k")
    message = str(error.value)
    assert "'timm/seresnet50.a1_in1k' are for SEResNet50, not for se_resnet101" in message
    for name in ("timm/legacy_seresnet101.in1k", "caffe/SE-ResNet-101", "smp-hub/se_resnet101"):
        assert name in message
    with pytest.raises(ValueError, match="No weight set fits se_shufflenet"):
        keras_senet.SEShuffleNet(weights="timm/seresnet50.a1_in1k")
    with pytest.raises(ValueError, match=r"No weight set 'timm/seresnet50'. Near it: timm/seresn"):
        keras_senet.SEResNet50(weights="timm/seresnet50")
    for alike in ("seresnet50.a1_in1k", "hf-hub:timm/seresnet50.a1_in1k"):
        with pytest.raises(ValueError, match=r"Near it: timm/seresnet50\.a1_in1k,"):
            keras_senet.SEResNet50(weights=alike)
    assert not server.requests


OFFLINE = """
import sys
from keras_senet.weights.download import fetch
from keras_senet.weights.records.table import find
print(fetch(find("timm/seresnet50.a1_in1k")))
"""


@pytest.mark.slow
def test_environment_variables(server, tmp_path):
    """Another process, told by its environment alone: HF_ENDPOINT, HF_HOME, HF_HUB_OFFLINE."""
    hub_record(server)
    environment = {
        "PATH": "",
        "PYTHONPATH": ":".join(sys.path),
        "HF_ENDPOINT": server.url,
        "HF_HOME": str(tmp_path / "home"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    for extra in ({}, {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9"}):
        done = subprocess.run(
            [sys.executable, "-c", OFFLINE],
            env=environment | extra,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-800:]
        assert done.stdout.strip().startswith(str(tmp_path / "home"))
