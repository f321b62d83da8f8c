"""The networks that come with the package: whole, offline, and right about a photograph."""

import hashlib
import pathlib
import socket

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet.weights import class_names, decode_predictions, download
from keras_senet.weights.records.packaged import PACKAGED_RECORDS

ROOT = pathlib.Path(__file__).parents[2]
CAT = ROOT / "docs" / "images" / "cat.jpg"
LARGEST = 1.2e6  # bytes
# https://www.cs.toronto.edu/~kriz/cifar.html, in the order of the names.
NAMES = (
    *("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
)
BY_NAME = pytest.mark.parametrize("record", PACKAGED_RECORDS, ids=lambda record: record.name)


@pytest.fixture
def offline(monkeypatch):
    """No connection can be made."""

    def refuse(*_):
        raise AssertionError("a connection was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@BY_NAME
def test_loads_offline_and_knows_a_cat(record, offline):
    model = getattr(keras_senet, record.network)(weights=record.name)
    assert class_names(model) == NAMES
    scores = model.predict(keras_senet.load_image(CAT, model), verbose=0)
    ((best, *_),) = decode_predictions(scores, top=1, labels=class_names(model))
    assert best[1] == "cat"


@BY_NAME
def test_the_record_is_of_the_file(record):
    path = download.PACKAGED / record.filename
    assert path.stat().st_size <= LARGEST
    assert record.checksum == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert record.classes == len(NAMES) and record.data == "CIFAR-10"
    assert f"--model={record.network} " in record.command
    assert 80 < record.top1 < record.top5 < 100
    # Hundredths of a percent are single photographs of 10,000.
    assert all(round(value, 2) == value for value in (record.top1, record.top5))


def test_every_packaged_file_has_a_record():
    files = {path.name for path in download.PACKAGED.iterdir() if path.name[0] not in "._"}
    assert files == {record.filename for record in PACKAGED_RECORDS}


def test_a_changed_file_is_refused_and_kept(monkeypatch, tmp_path):
    record = PACKAGED_RECORDS[0]
    changed = bytearray((download.PACKAGED / record.filename).read_bytes())
    changed[-1] ^= 1
    (tmp_path / record.filename).write_bytes(changed)
    monkeypatch.setattr(download, "PACKAGED", tmp_path)
    network = getattr(keras_senet, record.network)
    with pytest.raises(ValueError, match="missing or was changed"):
        network(weights=record.name)
    assert (tmp_path / record.filename).exists()
    (tmp_path / record.filename).unlink()
    with pytest.raises(ValueError, match="missing or was changed"):
        network(weights=record.name)


def test_other_classes_get_a_new_classifier(caplog):
    record = PACKAGED_RECORDS[0]
    whole = getattr(keras_senet, record.network)(weights=record.name)
    model = getattr(keras_senet, record.network)(weights=record.name, classes=5)
    assert "its classifier keeps its random weights" in caplog.text
    assert class_names(model) is None
    inner = [keras.Model(x.inputs, x.layers[-2].output) for x in (whole, model)]
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("float32")
    first, second = (x.predict(images, verbose=0) for x in inner)
    np.testing.assert_array_equal(first, second)


def test_another_network_is_refused():
    with pytest.raises(ValueError, match="are for SEResNet20, not for se_resnet56"):
        keras_senet.SEResNet56(weights="keras_senet/se_resnet20.cifar10")
    with pytest.raises(ValueError, match="are for ResNet20, not for se_resnet20"):
        keras_senet.SEResNet20(weights="keras_senet/resnet20.cifar10")


def test_a_refusal_names_what_decides():
    """Not where new gates begin, which trained ones do not."""
    network = keras_senet.SEResNet20.replace(se=keras_senet.SEConfig(gate="tanh"))
    with pytest.raises(ValueError, match=r"se.gate: 'sigmoid' in the file, 'tanh' here\. Choose"):
        network(weights="keras_senet/se_resnet20.cifar10")


def test_channels_first_are_said():
    with pytest.warns(UserWarning, match="Channels come last"):
        keras_senet.SEResNet20(weights="keras_senet/se_resnet20.cifar10", input_shape=(3, 32, 32))
