"""The names of classes that a file holds are those of its outputs."""

import zipfile

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet import export
from keras_senet.cli.export import run
from keras_senet.export.tflite.metadata import stated_labels
from keras_senet.weights.named_classes import misplaced, name_classes

if keras.backend.backend() != "tensorflow":
    pytest.skip("labels are of TensorFlow Lite files", allow_module_level=True)

NAMES = ("cat", "dog", "ship")
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), "uint8")


@pytest.fixture(scope="module")
def model():
    """A network that names its classes."""
    model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))(classes=3)
    name_classes(model, NAMES)
    return model


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    return export.to_tflite(model, tmp_path_factory.mktemp("labels") / "m.tflite")


def test_a_file_holds_the_names_that_its_model_records(model, path):
    assert stated_labels(path) == list(NAMES)
    assert export.verify(model, path, IMAGES).largest_difference < 1e-5


def test_a_model_without_names_writes_none(tmp_path):
    model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))(classes=3)
    assert stated_labels(export.to_tflite(model, tmp_path / "m.tflite")) is None


def test_a_model_of_several_outputs_writes_none(model, tmp_path):
    both = keras.Model(model.inputs, [model.layers[-1].input, model.output])
    assert stated_labels(export.to_tflite(both, tmp_path / "m.tflite")) is None


def test_names_of_ones_own_are_written(model, tmp_path):
    own = ["Katze", "Hund", "Schiff"]
    path = export.to_tflite(model, tmp_path / "m.tflite", labels=own)
    assert stated_labels(path) == own
    export.verify(model, path, IMAGES)


@pytest.mark.parametrize("names", [("dog", "cat", "ship"), ("cat", "ship", "truck")])
def test_the_name_of_another_class_is_refused(names, model, tmp_path):
    with pytest.raises(ValueError, match=r"order of the model's outputs. Number . is '(dog|ship)'"):
        export.to_tflite(model, tmp_path / "m.tflite", labels=names)
    with pytest.raises(ValueError, match="order of the model's outputs"):
        export.to_web(model, tmp_path / "page", labels=names)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("names", ["dog\ncat\nship\n", "cat\ndog\n"])
def test_a_file_with_other_names_is_not_verified(names, model, path, tmp_path):
    other = tmp_path / "other.tflite"
    with zipfile.ZipFile(path) as archive:  # what stands before it is the network
        other.write_bytes(path.read_bytes()[: archive.infolist()[0].header_offset])
    with zipfile.ZipFile(other, "a") as archive:
        archive.writestr("labels.txt", names)
    with pytest.raises(ValueError, match="are not those of the model's 3 classes"):
        export.verify(model, other, IMAGES)


@pytest.mark.parametrize(
    ("names", "place"),
    [
        (("Sea Lion", "fox"), None),  # other spellings of the same
        (("Fox", "SEA-LION"), "Number 0 is 'Fox', which is class number 1"),
        (("renard", "otarie"), None),
        (("fox", "?"), "Number 0 is 'fox', which is class number 1"),
    ],
)
def test_a_name_is_known_in_other_spelling(names, place):
    found = misplaced(names, ("sea_lion", "fox"))
    assert found is place is None or found.startswith(place)


def test_names_that_two_classes_share_stand_where_they_are():
    """ImageNet has two classes called crane."""
    known = ("crane", "dog", "crane")
    assert misplaced(known, known) is None
    assert misplaced(("crane", "crane", "x"), known).startswith("Number 1 is 'crane'")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_file_of_labels_may_begin_with_the_mark_of_windows(
    encoding, model, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    model.save("m.keras")
    np.savez("images.npz", images=IMAGES, labels=np.arange(4) % 3)
    (tmp_path / "labels.txt").write_bytes("Kätzchen\r\nHund\r\nSchiff\r\n".encode(encoding))
    run(
        [
            "--model=m.keras",
            "--output=m.tflite",
            "--verification=images.npz",
            "--labels=labels.txt",
        ]
    )
    assert stated_labels("m.tflite") == ["Kätzchen", "Hund", "Schiff"]


def test_a_file_of_labels_in_another_encoding_is_one_sentence(model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    model.save("m.keras")
    (tmp_path / "labels.txt").write_bytes("Kätzchen\nHund\nSchiff\n".encode("latin-1"))
    with pytest.raises(SystemExit):
        run(["--model=m.keras", "--output=m.tflite", "--labels=labels.txt"])
    assert "labels.txt is not UTF-8 (byte 1)" in capsys.readouterr().err


@pytest.mark.parametrize("count", [3, 5])
def test_labels_in_a_file_are_as_many_as_its_images(count, model, tmp_path):
    np.savez(tmp_path / "x.npz", images=IMAGES, labels=np.zeros(count, int))
    with pytest.raises(ValueError, match=r"Expected `labels` of 4 images .* shape \(\d,\)"):
        export.load_verification(str(tmp_path / "x.npz"), model=model)


def test_labels_of_another_name_are_said_to_be_left_out(model, tmp_path):
    np.savez(tmp_path / "x.npz", images=IMAGES, y=np.zeros(4, int))
    with pytest.warns(UserWarning, match="no array `labels`, and 'y' is not taken for it"):
        _, labels = export.load_verification(str(tmp_path / "x.npz"), model=model)
    assert labels is None
