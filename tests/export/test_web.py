"""The folder of a page: what is written, what is refused, and that its runtime is pinned."""

import dataclasses
import functools
import hashlib
import http.server
import io
import json
import pathlib
import re
import tarfile
import threading

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet import export
from keras_senet.cli import export as command
from keras_senet.data import View
from keras_senet.export.web import folder as web
from keras_senet.export.web import litert_js
from keras_senet.weights.named_classes import name_classes
from keras_senet.weights.preprocessing import Preprocessing

if keras.backend.backend() != "tensorflow":
    pytest.skip("a page has a TensorFlow Lite file", allow_module_level=True)

PAGE = pathlib.Path(web.__file__).with_name("page")
TINY = keras_senet.SEResNet20.replace(depths=(1, 1, 1))


def archive(files):
    """Bytes of a package as npm packs it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as file:
        for name in files.values():
            content = f"content of {name}".encode()
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


@pytest.fixture(scope="module")
def packages():
    """Small packages in place of LiteRT.js' own, each with its archive."""
    found = []
    for one in litert_js.PACKAGES:
        content = archive(one.files)
        checksum = f"sha512:{hashlib.sha512(content).hexdigest()}"
        found.append((dataclasses.replace(one, checksum=checksum), content))
    return found


@pytest.fixture(autouse=True)
def pinned(packages, monkeypatch, tmp_path):
    monkeypatch.setattr(litert_js, "PACKAGES", tuple(one for one, _ in packages))
    monkeypatch.setattr("keras_senet.weights.download.time.sleep", lambda _: None)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


@pytest.fixture
def runtime(packages, tmp_path):
    """The folder that `npm pack` would have filled."""
    folder = tmp_path / "packed"
    folder.mkdir()
    for one, content in packages:
        (folder / one.filename).write_bytes(content)
    return folder


@pytest.fixture
def registry(packages, tmp_path, monkeypatch):
    """A registry on this machine, by the files that it serves; each may be replaced."""
    root = tmp_path / "registry"
    for one, content in packages:
        path = root / one.package / "-" / one.url.rpartition("/")[2]
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=root)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        monkeypatch.setenv("NPM_CONFIG_REGISTRY", address)
        yield root
        server.shutdown()


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    model = TINY(classes=4)
    name_classes(model, ["a", "b", "c", "d"])
    View(32, crop=0.9, interpolation="bicubic").write_to(model)
    return model


def names(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def contract(path):
    return json.loads((path / "contract.json").read_text())


@pytest.mark.slow
def test_what_the_folder_has(model, runtime, tmp_path):
    path = export.to_web(model, tmp_path / "page", runtime=runtime)
    of_runtime = {f"litert/{name}" for one in litert_js.PACKAGES for name in one.files}
    of_page = {file.name for file in PAGE.iterdir()}
    assert names(path) == of_runtime | of_page | {"model.tflite", "contract.json", "NOTICE.txt"}
    assert (path / "litert/core/index.js").read_text() == "content of dist/index.js"
    content = (path / "model.tflite").read_bytes()
    known = contract(path)
    assert known["bytes"] == len(content)
    assert known["sha256"] == hashlib.sha256(content).hexdigest()
    assert known["classes"] == ["a", "b", "c", "d"]
    assert (known["multi_label"], known["threshold"]) == (False, None)
    assert known["image"]["shape"] == [1, 32, 32, 3]
    assert known["view"] == {
        "size": [32, 32],
        "crop": 0.9,
        "interpolation": "bicubic",
        "crop_mode": "center",
    }
    assert known["output"]["meaning"] == "probability"
    report = export.verify(model, path / "model.tflite", np.full((2, 32, 32, 3), 9.0))
    assert report.sha256 == known["sha256"]


def test_integers_of_the_ends(model, runtime, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), "uint8")
    path = export.to_web(
        model,
        tmp_path / "page",
        quantization="int8_full",
        calibration_images=images,
        labels=["w", "x", "y", "z"],
        runtime=runtime,
    )
    known = contract(path)
    assert known["quantization"] == "int8_full"
    assert known["classes"] == ["w", "x", "y", "z"]
    # Raw pixels go in: the page passes them on as they are.
    ends = known["image"]["dtype"], known["image"]["scale"], known["image"]["zero_point"]
    assert ends == ("uint8", 1.0, 0)
    assert known["output"]["dtype"] == "uint8"
    assert known["output"]["scale"] == 1 / 256


@pytest.mark.parametrize(
    "labels", [iter("wxyz"), np.array(list("wxyz"))], ids=["iterator", "array"]
)
def test_labels_of_any_kind(labels, model, runtime, tmp_path):
    path = export.to_web(model, tmp_path / "page", labels=labels, runtime=runtime)
    assert contract(path)["classes"] == ["w", "x", "y", "z"]


@pytest.mark.slow
def test_labels_of_which_an_image_has_any_number(runtime, tmp_path):
    model = TINY(classes=3, classifier_activation=None)
    name_classes(model, ["a", "b", "c"], multi_label=True)
    known = contract(export.to_web(model, tmp_path / "page", runtime=runtime))
    assert (known["multi_label"], known["threshold"]) == (True, 0.0)  # of logits
    assert known["output"]["meaning"] == "output"


def test_classes_without_names_and_grey_images(runtime, tmp_path):
    grey = TINY.replace(preprocessing=Preprocessing((0.5,), (0.25,)))
    model = grey(input_shape=(28, 20, 1), classes=2)
    known = contract(export.to_web(model, tmp_path / "page", runtime=runtime))
    assert known["classes"] == ["class 0", "class 1"]
    assert known["image"]["shape"] == [1, 28, 20, 1]
    assert known["view"]["size"] == [28, 20]


def test_one_score_is_of_no_class_by_number(runtime, tmp_path):
    model = TINY(classes=1, classifier_activation="sigmoid")
    assert contract(export.to_web(model, tmp_path / "page", runtime=runtime))["classes"] == [
        "score"
    ]


def several():
    image = keras.Input((32, 32, 3))
    return keras.Model(image, [TINY()(image), keras.layers.GlobalAveragePooling2D()(image)])


def of_int8():
    image = keras.Input((32, 32, 3), dtype="int8")
    return keras.Model(image, TINY()(keras.ops.cast(image, "float32")))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (several, "one output"),
        (lambda: TINY(include_top=False), "one output"),
        (lambda: TINY(include_top=False, pooling="avg"), "one output"),
        (lambda: TINY(include_preprocessing=False), "include_preprocessing=True"),
        (lambda: TINY(include_preprocessing=False, input_shape=(32, 32, 5)), "5 channels"),
        (lambda: TINY(input_shape=(None, None, 3)), "input_size"),
        (of_int8, "int8"),
    ],
)
def test_refused_before_anything_is_written(build, message, runtime, tmp_path):
    with pytest.raises(ValueError, match=message):
        export.to_web(build(), tmp_path / "page", runtime=runtime)
    assert not (tmp_path / "page").exists()


@pytest.mark.slow
def test_what_is_there_is_kept(model, runtime, tmp_path):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite"):
        export.to_web(model, tmp_path / "page", runtime=runtime)
    assert names(tmp_path / "page") == {"mine.txt"}
    with pytest.raises(FileExistsError, match="other things in it"):
        export.to_web(model, tmp_path / "page", runtime=runtime, overwrite=True)
    assert names(tmp_path / "page") == {"mine.txt"}
    path = export.to_web(model, tmp_path / "other", runtime=runtime)
    (path / "old.txt").write_text("of an earlier page")
    path = export.to_web(model, path, runtime=runtime, overwrite=True)
    assert "index.html" in names(path)
    assert "old.txt" not in names(path)


def test_fetched_once(registry, packages, tmp_path):
    first = litert_js.archives()
    for path in registry.rglob("*.tgz"):
        path.unlink()  # the second time nothing is asked for
    assert litert_js.archives() == first
    assert [path.read_bytes() for _, path in first] == [content for _, content in packages]
    assert all(path.is_relative_to(tmp_path / "home") for _, path in first)


def test_changed_archive_of_the_registry(registry, packages, model, tmp_path):
    (path,) = registry.rglob("core-*.tgz")
    path.write_bytes(archive({"index.js": "dist/another.js"}))
    with pytest.raises(ValueError, match=r"@litertjs/core@.* broken or was changed: sha512"):
        export.to_web(model, tmp_path / "page")
    assert not (tmp_path / "page").exists()
    assert not list((tmp_path / "home").rglob("*.tgz"))


def test_no_registry(registry, monkeypatch, tmp_path):
    for path in registry.rglob("*.tgz"):
        path.unlink()
    with pytest.raises(ValueError, match=r"Cannot fetch litertjs/@litertjs/core@.*put it at"):
        litert_js.archives()


def test_changed_or_missing_archive_of_a_folder(runtime, tmp_path):
    path = runtime / "litertjs-wasm-utils-2.5.3.tgz"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ValueError, match="broken or was changed"):
        litert_js.archives(runtime)
    path.unlink()
    with pytest.raises(ValueError, match="npm pack @litertjs/core@"):
        litert_js.archives(runtime)


def test_page_loads_nothing_from_elsewhere():
    for path in PAGE.iterdir():
        if path.suffix in (".html", ".js", ".css"):
            assert not re.findall(r"https?://(?!localhost)\w", path.read_text()), path.name
    policy = re.search(r'content="(default-src[^"]*)"', (PAGE / "index.html").read_text())[1]
    assert policy.startswith("default-src 'none';")
    assert "unsafe-inline" not in policy
    assert "unsafe-eval'" not in policy.replace("'wasm-unsafe-eval'", "")


@pytest.mark.slow
def test_command(model, runtime, tmp_path, capsys):
    model.save(tmp_path / "model.keras")
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), "uint8")
    np.savez(tmp_path / "images.npz", images=images, labels=np.arange(4))
    flags = [f"--model={tmp_path}/model.keras", f"--verification={tmp_path}/images.npz"]
    page = f"--output={tmp_path}/page"
    command.run([*flags, page, "--format=web", f"--runtime={runtime}"])
    report = json.loads((tmp_path / "page.json").read_text())
    assert report["sha256"] == contract(tmp_path / "page")["sha256"]
    assert report["images"] == 4
    for wrong, message in (
        ([page, f"--runtime={runtime}"], "--runtime does not belong to the format saved_model"),
        ([page, "--format=web", f"--runtime={runtime}"], "page.json exists already"),
    ):
        with pytest.raises(SystemExit) as leaving:
            command.run([*flags, *wrong])
        assert leaving.value.code == 2
        assert message in capsys.readouterr().err
