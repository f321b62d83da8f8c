"""`keras-senet predict`: names and scores as the model's own, whatever the picture."""

import pathlib

import numpy as np
import pytest
from PIL import Image

import keras_senet
from keras_senet import mistakes
from keras_senet.cli import predict
from keras_senet.weights.named_classes import name_classes

NAMES = ("cat", "dog", "frog")


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A small network that knows its classes' names, its file and a picture."""
    folder = tmp_path_factory.mktemp("predict")
    model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))(classes=3)
    name_classes(model, NAMES)
    model.save(folder / "model.keras")
    pixels = np.random.default_rng(0).integers(0, 255, (48, 64, 3), "uint8")
    Image.fromarray(pixels).save(folder / "photo.png")
    return model, str(folder / "model.keras"), str(folder / "photo.png")


@pytest.mark.slow
def test_the_names_and_scores_are_the_models(network, capsys):
    model, file, picture = network
    predict.run([f"--weights={file}", "--top=2", picture])
    head, path, *lines = capsys.readouterr().out.splitlines()
    assert head.endswith("one of: cat, dog, frog.") and path == picture
    (scores,) = model.predict(keras_senet.load_image(picture, model), verbose=0)
    best = np.argsort(-scores)[:2]
    assert [line.split("%")[1].strip() for line in lines] == [NAMES[index] for index in best]
    percent = [float(line.split("%")[0]) for line in lines]
    np.testing.assert_allclose(percent, 100 * scores[best], atol=0.05)


def test_one_broken_picture_does_not_cost_the_others(network, capsys, tmp_path):
    _, file, picture = network
    broken, missing = tmp_path / "broken.jpg", tmp_path / "missing.jpg"
    broken.write_bytes(b"no picture")
    with pytest.raises(SystemExit) as leaving:
        predict.run([f"--weights={file}", str(broken), str(missing), picture])
    assert leaving.value.code == mistakes.EXIT_CODE
    out, err = capsys.readouterr()
    assert picture in out and len(out.splitlines()) == 5
    first, second = err.splitlines()
    assert str(broken) in first and str(missing) in second


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (4, ("class 0", "class 1", "class 2", "class 3")),
        (1, ("score",)),  # of what is labelled 1
    ],
)
def test_a_network_without_names_counts_its_classes(classes, expected, tmp_path):
    network = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
    network(classes=classes, classifier_activation="sigmoid").save(tmp_path / "model.keras")
    _, names = predict.load(tmp_path / "model.keras")
    assert names == expected


def test_the_packaged_network_is_the_usual_one(capsys):
    cat = str(pathlib.Path(__file__).parents[2] / "docs" / "images" / "cat.jpg")
    predict.run(["--top=1", cat])
    head, _, answer = capsys.readouterr().out.splitlines()
    assert head.startswith("keras_senet/se_resnet20.cifar10 answers with one of: airplane, ")
    assert answer.endswith("cat")


def test_logits_are_not_printed_as_percent(tmp_path, network, capsys):
    model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))(classes=3, classifier_activation=None)
    model.save(tmp_path / "model.keras")
    predict.run([f"--weights={tmp_path / 'model.keras'}", network[2]])
    assert "%" not in capsys.readouterr().out


def test_any_number_of_labels_is_said(tmp_path, network, capsys):
    model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))(
        classes=3, classifier_activation="sigmoid"
    )
    name_classes(model, NAMES, multi_label=True)
    model.save(tmp_path / "model.keras")
    predict.run([f"--weights={tmp_path / 'model.keras'}", network[2]])
    assert "any number of: cat, dog, frog." in capsys.readouterr().out


def test_what_names_nothing_is_refused(tmp_path, monkeypatch):
    model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))(include_top=False)
    model.save(tmp_path / "features.keras")
    with pytest.raises(ValueError, match="no classifier"):
        predict.load(tmp_path / "features.keras")
    pooled = keras_senet.SEResNet20.replace(depths=(1, 1, 1))(include_top=False, pooling="avg")
    pooled.save(tmp_path / "pooled.keras")
    with pytest.raises(ValueError, match="64 outputs are features of the image"):
        predict.load(tmp_path / "pooled.keras")
    with pytest.raises(ValueError, match="No weight set"):
        predict.load("timm/no_such_network")
    with pytest.raises(ValueError, match="is not there"):
        predict.load(tmp_path / "nothing.keras")


def test_the_classes_of_imagenet_have_names(monkeypatch):
    """A public set of 1000 classes, built without its file."""
    small = keras_senet.SEResNet18.replace(depths=(1, 1, 1, 1))
    monkeypatch.setattr(keras_senet, "SEResNet18", lambda weights: small(input_shape=(32, 32, 3)))
    _, names = predict.load("timm/legacy_seresnet18.in1k")
    assert len(names) == 1000 and names[207] == "golden retriever"
