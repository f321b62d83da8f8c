"""The command `keras-senet`: what it says without its libraries, and the doors that lead to it."""

import importlib
import importlib.util
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet import startup
from keras_senet.cli import commands, cost, export, train, weights
from keras_senet.extras import INSTALLED_AS

ROOT = pathlib.Path(keras_senet.__file__).parent.parent


def begun(monkeypatch, *arguments):
    """What the start of the program makes of a command line; it leaves no trace in this process."""
    monkeypatch.setattr(sys, "argv", ["/usr/bin/keras-senet", *arguments])
    monkeypatch.setattr(startup.signal, "signal", lambda *_: None)
    startup.begin()


def test_help_and_version_need_no_library(monkeypatch, capsys):
    for flags in ((), ("--help",), ("-h",)):
        with pytest.raises(SystemExit) as leaving:
            begun(monkeypatch, *flags)
        assert leaving.value.code == 0
        printed = capsys.readouterr().out
        for name, command in commands.COMMANDS.items():
            assert re.search(rf"^  {name} +{re.escape(command.does)}$", printed, re.MULTILINE)
    with pytest.raises(SystemExit):
        begun(monkeypatch, "--version")
    assert capsys.readouterr().out == f"{keras_senet.__version__}\n"


def test_a_command_that_is_none(monkeypatch, capsys):
    with pytest.raises(SystemExit) as leaving:
        begun(monkeypatch, "trian")
    assert leaving.value.code == 2
    assert "Did you mean 'train'?" in capsys.readouterr().err


def without(monkeypatch, *missing):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in missing else real(name)
    )


@pytest.mark.parametrize(
    ("command", "missing", "says"),
    [
        ("export", ("ai_edge_litert",), "ai-edge-litert: pip install 'keras-senet[export]'"),
        ("train", ("matplotlib", "rich"), "matplotlib, rich: pip install 'keras-senet[train]'"),
        ("predict", ("PIL",), "pillow: pip install 'keras-senet[data]'"),
        ("cost", commands.BACKENDS, "a backend of Keras"),
    ],
)
def test_missing_packages_are_one_sentence_before_anything_else(
    monkeypatch, capsys, command, missing, says
):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    without(monkeypatch, *missing)
    with pytest.raises(SystemExit) as leaving:
        begun(monkeypatch, command)
    assert leaving.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"keras-senet {command} needs ") and says in line


def test_packages_are_those_of_the_extra():
    """What a command asks for comes with the extra that it names."""
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]

    def brought(extra):
        for line in extras[extra]:
            name = re.match(r"[\w-]+", line).group()
            if name == "keras-senet":
                for inner in re.search(r"\[(.*)\]", line).group(1).split(","):
                    yield from brought(inner)
            else:
                yield name

    for command in commands.COMMANDS.values():
        if command.extra:
            names = {name for extra in command.extra.split(",") for name in brought(extra)}
            asked = {INSTALLED_AS.get(one, one) for one in command.packages}
            assert asked <= names, command
        else:
            assert not command.packages


def test_another_program_is_left_alone(monkeypatch):
    for name in (startup.LEVEL, startup.ONEDNN):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "argv", ["train.py", "trian"])
    startup.begin()
    assert startup.LEVEL not in os.environ and startup.ONEDNN not in os.environ


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_each_command_lists_its_flags(name, capsys):
    module = importlib.import_module(commands.COMMANDS[name].module)
    try:
        module.run(["--help"])
    except SystemExit as leaving:  # argparse's
        assert leaving.code == 0
    printed = capsys.readouterr().out
    assert "keras-senet " + name in printed and "debug" in printed


def test_doors_of_a_checkout():
    """`python train.py` and `python export/...` are the commands, in a checkout."""
    doors = {
        "train.py": ["train"],
        "export/benchmark.py": ["benchmark"],
        "export/to_tflite.py": ["export", "--format=tflite"],
        "export/to_saved_model.py": ["export", "--format=saved_model"],
        "export/to_onnx.py": ["export", "--format=onnx"],
        "export/to_web.py": ["export", "--format=web"],
    }
    found = [path for path in ROOT.glob("export/*.py")]
    assert {str(path.relative_to(ROOT)) for path in (*found, ROOT / "train.py")} == set(doors)
    for path, arguments in doors.items():
        text = (ROOT / path).read_text()
        assert json.dumps(["keras-senet", *arguments]) in text


def test_cost(capsys, tmp_path):
    cost.run(["SEResNet50", f"--csv={tmp_path / 'layers.csv'}"])
    printed = capsys.readouterr().out
    assert "3.860 GMACs" in printed and "28.088 M parameters" in printed  # tables 2 and 16
    assert (tmp_path / "layers.csv").read_text().startswith("name,")
    keras_senet.SEResNet20.replace(depths=(1, 1, 1))().save(tmp_path / "model.keras")
    cost.run([str(tmp_path / "model.keras"), "ResNet20"])
    assert capsys.readouterr().out.count("GMACs") == 2
    for wrong in ([], ["NoNet"], [str(tmp_path / "none.tflite")], ["ResNet20", "VGG16", "--csv=a"]):
        with pytest.raises(SystemExit) as leaving:
            cost.run(wrong)
        assert leaving.value.code == 2
        assert "Traceback" not in capsys.readouterr().err


def test_weights(capsys, tmp_path, monkeypatch):
    weights.run(["SEBNInception"])
    assert "caffe/SE-BN-Inception" in capsys.readouterr().out
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for wrong in (["NoNet"], ["--fetch=photo.jpg"], ["--fetch=timm/none"], ["--fetch=keras/vgg16"]):
        with pytest.raises(SystemExit) as leaving:
            weights.run(wrong)
        assert leaving.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line


def said(capsys, run, *arguments):
    with pytest.raises(SystemExit) as leaving:
        run(list(arguments))
    assert leaving.value.code == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error


def test_flags_of_another_format_are_refused(capsys):
    given = ["--model=model.keras"]
    text = said(capsys, export.run, *given, "--output=served", "--group_width=8")
    assert "--group_width does not belong to the format saved_model" in text
    text = said(capsys, export.run, *given, "--output=m.onnx", "--fallback")
    assert "--fallback does not belong to the format onnx" in text
    text = said(capsys, export.run, *given, "--output=m.tflite", "--quantization=int8")
    assert "--calibration belongs to" in text
    assert "Did you mean: " in said(capsys, export.run, *given, "--ouput=m.tflite")
    assert "--model" in said(capsys, export.run, "--output=m.tflite")


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="exports run on TensorFlow")
def test_every_format_is_verified_also_where_nothing_is_named(tmp_path, monkeypatch, capsys):
    """A map of features names no class: its differences alone are judged, of ONNX files too."""
    monkeypatch.chdir(tmp_path)
    network = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
    network(include_top=False, input_shape=(32, 32, 3)).save("features.keras")
    images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), "uint8")
    np.savez("images.npz", images=images, labels=np.arange(8))
    has_onnx = importlib.util.find_spec("onnxruntime") and importlib.util.find_spec("tf2onnx")
    for output in ("m.tflite", "served", *(("m.onnx",) if has_onnx else ())):
        given = ["--model=features.keras", f"--output={output}", "--verification=images.npz"]
        export.run(given)
        assert "agreement" not in capsys.readouterr().out
        report = json.loads(pathlib.Path(f"{output}.json").read_text())
        assert report["top1_agreement"] is None and report["largest_difference"] < 1e-4
        with pytest.raises(SystemExit, match="agreement is unknown"):
            export.run([*given, "--overwrite", "--min_agreement=0.9"])


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="exports run on TensorFlow")
def test_files_are_verified_on_images_of_their_kind(tmp_path, monkeypatch, capsys):
    """Accuracy is that of all classes, and none is told of images that nobody named."""
    monkeypatch.chdir(tmp_path)
    network = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
    model = network(input_shape=(16, 16, 3), classes=10)
    model.save("m.keras")
    draw = np.random.default_rng(0).integers
    for name, index in itertools.product("abcdefghij", range(10)):
        path = pathlib.Path("photos", name, f"{index}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        keras.utils.save_img(path, draw(0, 255, (16, 16, 3)))
    export.run(["--model=m.keras", "--output=a.tflite"])
    assert "Verified on held-out images of digits" in capsys.readouterr().out
    assert json.loads(pathlib.Path("a.tflite.json").read_text())["accuracy"] is None

    photos = keras_senet.data.load("folder:photos", image_size=16)
    given = ["--model=m.keras", "--quantization=int8", "--calibration=folder:photos"]
    export.run([*given, "--output=b.tflite", "--min_agreement=0"])
    assert "Verified on held-out images of folder:photos" in capsys.readouterr().out
    assert json.loads(pathlib.Path("b.tflite.json").read_text())["images"] == 20

    images, labels = photos.held_out_arrays(10)
    assert labels.tolist() == list(range(10))
    right = (model.predict(images, verbose=0).argmax(-1) == labels).mean()
    export.run(
        [
            *given[:1],
            "--output=c.tflite",
            "--verification=folder:photos",
            "--verification_images=10",
        ]
    )
    report = json.loads(pathlib.Path("c.tflite.json").read_text())
    assert (report["images"], report["accuracy"]) == (10, right)


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="exports run on TensorFlow")
@pytest.mark.parametrize("source", ["images.npz", "digits"])
def test_labels_of_the_images_are_none_of_several_outputs(source, tmp_path, monkeypatch, recwarn):
    monkeypatch.chdir(tmp_path)
    network = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
    network(pyramid="levels", input_shape=(16, 16, 3)).save("levels.keras")
    images = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), "uint8")
    np.savez("images.npz", images=images, labels=np.arange(8))
    given = ["--model=levels.keras", "--output=m.tflite", f"--verification={source}"]
    export.run([*given, "--verification_images=8"])
    report = json.loads(pathlib.Path("m.tflite.json").read_text())
    assert list(report["outputs"]) == ["P0", "P1", "P2"] and report["accuracy"] is None
    assert not [one for one in recwarn if "classes" in str(one.message)]


@pytest.mark.slow
def test_a_run_evaluated_by_either_command(tmp_path, capsys):
    """`train --mode=evaluate` and `evaluate` say the same."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the commands are no backend's")
    network = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
    recipe = keras_senet.training.DIGITS.replace(epochs=1, warmup_epochs=0)
    dataset = keras_senet.data.load("digits", image_size=16)
    result = keras_senet.training.train(network, dataset, recipe, tmp_path / "run")
    capsys.readouterr()
    from keras_senet.cli import evaluate

    evaluate.run([f"--workdir={tmp_path / 'run'}"])
    one = capsys.readouterr().out
    train.run(["--mode=evaluate", f"--workdir={tmp_path / 'run'}"])
    assert one == capsys.readouterr().out
    assert f"top-1 {result.accuracy:.2%}" in one
    text = said(capsys, evaluate.run, f"--workdir={tmp_path / 'run'}", "--weights=a.keras")
    assert "exclude each other" in text


@pytest.mark.slow
def test_the_installed_program(tmp_path):
    """Train, evaluate, export and predict outside of any checkout, as a user of pip does."""
    program = pathlib.Path(sys.executable).with_name("keras-senet")
    from PIL import Image

    Image.fromarray(np.zeros((40, 40, 3), "uint8")).save(tmp_path / "photo.png")

    def call(*arguments):
        done = subprocess.run(
            [program, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    call("train", "--data=digits", "--epochs=1", "--warmup_epochs=0", "--workdir=run")
    assert "top-1" in call("evaluate", "--workdir=run")
    call("export", "--model=run/model.keras", "--output=m.tflite", "--min_agreement=0")
    assert "one of: 0, 1, 2" in call("predict", "--weights=run/model.keras", "photo.png")
    assert "m.tflite" in call("benchmark", "m.tflite", "--threads=1", "--runs=2")
    assert "GMACs" in call("cost", "m.tflite")
