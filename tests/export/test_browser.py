"""The page in a real Chromium: the names and scores of Python's LiteRT, and nothing sent.

It needs Node.js with npm, which fetches LiteRT.js, Playwright and MediaPipe, and Chromium.
"""

import functools
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import threading
import zipfile

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet import export
from keras_senet.data import View
from keras_senet.export.tflite.litert import LiteRT
from keras_senet.weights.named_classes import name_classes
from keras_senet.weights.preprocessing import Preprocessing

pytestmark = pytest.mark.slow
if keras.backend.backend() != "tensorflow":
    pytest.skip("a page has a TensorFlow Lite file", allow_module_level=True)
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
if not (CHROMIUM and shutil.which("npm") and shutil.which("node")):
    pytest.skip("needs Chromium, Node.js and npm", allow_module_level=True)
# Before this version the passes of a resize have another order: one step of 255 in a few pixels.
pytest.importorskip("PIL", minversion="13.0")

ROOT = pathlib.Path(__file__).parents[2]
PHONE = ROOT / "docs" / "phone.md"
NPM = ("playwright-core@1.65.1", "@mediapipe/tasks-vision@1.1.0")
TINY = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
CIFAR = functools.partial(keras_senet.SEResNet20, weights="keras_senet/se_resnet20.cifar10")


@pytest.fixture(scope="module")
def modules():
    """The folder of the packages that npm fetches, kept between runs."""
    folder = ROOT / "build" / "web"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}')
    subprocess.run(["npm", "install", "--silent", *NPM], cwd=folder, check=True, timeout=300)
    return folder / "node_modules"


@pytest.fixture
def browse(modules, tmp_path):
    """A function that serves a folder, opens it in Chromium and returns what happened."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    def run(folder, is_quiet=True, **job):
        handler = functools.partial(Handler, directory=folder)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_address[1]}/"
            (tmp_path / "job.json").write_text(
                json.dumps({"url": url, "chromium": CHROMIUM, **job}, default=str)
            )
            script = pathlib.Path(__file__).with_name("browser.mjs")
            command = ["node", script, modules / "playwright-core", tmp_path / "job.json"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=600)
            server.shutdown()
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert not is_quiet or report["console"] == []
        elsewhere = [one for one in report["requests"] if not one.startswith((url, f"blob:{url}"))]
        assert elsewhere == []
        return report

    return run


def drawn(rng, width, height):
    """A picture of a few shapes on soft colours with noise."""
    from PIL import Image, ImageDraw

    few = rng.integers(0, 256, (3, 4, 3), "uint8")
    image = Image.fromarray(few).resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(4):
        x, y = rng.integers(0, (width, height))
        colour = tuple(map(int, rng.integers(0, 256, 3)))
        draw.ellipse((x, y, x + width // 3, y + height // 3), fill=colour)
        draw.line((x, 0, width - x, height), fill=colour, width=1 + width // 50)
    noise = rng.normal(0, 10, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype("uint8"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """30 picture files of many kinds."""
    from PIL import Image

    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    sizes = [(32, 32), (33, 57), (500, 375), (31, 200), (640, 480), (1, 1), (300, 1), (1, 250)]
    for width, height in (*sizes, (2, 3), (1200, 900)):
        drawn(rng, width, height).save(folder / f"{width}x{height}.png")
    for quality, subsampling in ((95, 0), (90, 1), (75, 2), (30, 2)):
        image = drawn(rng, 301, 203)
        image.save(folder / f"{quality}.jpg", quality=quality, subsampling=subsampling)
    drawn(rng, 240, 180).save(folder / "progressive.jpg", progressive=True)
    drawn(rng, 240, 180).convert("CMYK").save(folder / "cmyk.jpg")
    for mode in ("L", "LA", "P", "1"):
        drawn(rng, 120, 90).convert(mode).save(folder / f"mode_{mode}.png")
    drawn(rng, 120, 90).convert("L").save(folder / "grey.jpg")
    for turn in (2, 3, 6, 8):
        exif = Image.Exif()
        exif[0x0112] = turn
        drawn(rng, 200, 120).save(folder / f"turned_{turn}.jpg", exif=exif)
    exif[0x0112] = 6
    drawn(rng, 200, 120).save(folder / "turned_6.png", exif=exif)
    # Each colour with each transparency.
    value, alpha = np.meshgrid(np.arange(256), np.arange(256))
    pixels = np.stack([value, 255 - value, value, alpha], -1).astype("uint8")
    Image.fromarray(pixels).save(folder / "transparent.png")
    frames = [drawn(rng, 100, 80) for _ in range(3)]
    frames[0].save(folder / "animated.gif", save_all=True, append_images=frames[1:])
    drawn(rng, 100, 80).save(folder / "lossless.webp", lossless=True)
    drawn(rng, 100, 80).save(folder / "windows.bmp")
    found = sorted(folder.iterdir())
    assert len(found) == 30
    return found


def large():
    return keras_senet.SEResNet18.replace(depths=(1, 1, 1, 1))(input_shape=(224, 224, 3))


def grey():
    model = TINY.replace(preprocessing=Preprocessing((0.5,), (0.25,)))(
        input_shape=(28, 20, 1), classes=7, classifier_activation="sigmoid"
    )
    name_classes(model, [f"label {index}" for index in range(7)], multi_label=True)
    View((28, 20), crop=0.9, interpolation="bicubic").write_to(model)
    return model


def logits():
    model = TINY(classes=3, classifier_activation=None)
    View(32, crop=0.9, crop_mode="squash").write_to(model)
    return model


@pytest.mark.parametrize(
    ("build", "quantization", "tolerance"),
    [
        (CIFAR, None, 1e-5),
        (CIFAR, "float16", 1e-5),
        (CIFAR, "int8", 1e-6),
        (CIFAR, "int8_full", 1e-6),
        (large, None, 1e-5),
        (large, "int8", 1e-6),
        (grey, None, 1e-5),
        (logits, None, 1e-5),
    ],
)
def test_scores_are_pythons(build, quantization, tolerance, pictures, browse, tmp_path):
    keras.utils.set_random_seed(0)
    model, images = build(), None
    if quantization in ("int8", "int8_full"):
        images = np.concatenate([keras_senet.load_image(one, model) for one in pictures])
    path = export.to_web(
        model, tmp_path / "page", quantization=quantization, calibration_images=images
    )
    report = browse(path, pictures=pictures)
    assert report["begin"] == "Ready."
    assert len(report["pictures"]) == 30
    classes = json.loads((path / "contract.json").read_text())["classes"]
    litert, differences = LiteRT(path / "model.tflite"), []
    for picture in pictures:
        (expected,) = litert(keras_senet.load_image(picture, model))
        found = report["pictures"][picture.name]
        differences.append(np.abs(np.array(found["scores"]) - expected).max())
        best = np.argsort(-np.array(found["scores"]), kind="stable")[: len(found["shown"])]
        assert len(best) >= min(5, len(classes))
        shown = [entry["name"].removeprefix("✓ ") for entry in found["shown"]]
        assert shown == [classes[index] for index in best], picture.name
        assert [entry["score"] for entry in found["shown"]] == [found["scores"][i] for i in best]
        # The first name is Python's, unless two scores are as near as rounding.
        assert expected.max() - expected[best[0]] <= tolerance, picture.name
        if build is grey:
            assert [entry["present"] for entry in found["shown"]] == list(expected[best] > 0.5)
        if build is not logits:
            # Of 31.2 and 31.3, as near to 31.25, JavaScript takes the upper one, Python the even.
            first = found["shown"][0]
            percent = re.fullmatch(r"(\d+\.\d) %", first["text"])[1]
            assert abs(float(percent) - 100 * first["score"]) <= 0.05 + 1e-9
    assert max(differences) <= tolerance


def test_trouble_keyboard_and_narrow_screen(browse, pictures, tmp_path):
    from PIL import Image

    path = export.to_web(CIFAR(), tmp_path / "page")
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "empty.png").touch()
    whole = next(one for one in pictures if one.name == "90.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) // 2])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 30)).save(tmp_path / "turned.webp", exif=exif)
    broken = [tmp_path / one for one in ("text.jpg", "empty.png", "half.jpg", "turned.webp")]
    report = browse(path, pictures=[pictures[0], *broken], keyboard=True, width=400)
    for one in broken:
        found = report["pictures"][one.name]
        assert found["scores"] is None and found["shown"] == []
        assert "turned (EXIF)" in found["status"] or "not a whole picture" in found["status"]
    name = pictures[0].name
    assert report["keyboard"] == [
        "file",
        name,
        "camera",
        "The camera runs.",
        "The camera is off.",
    ]
    assert report["wide"] <= 0  # nothing to scroll sideways


def test_folder_of_two_exports_is_refused(browse, tmp_path):
    path = export.to_web(CIFAR(), tmp_path / "page")
    with (path / "model.tflite").open("ab") as file:
        file.write(b"x")
    report = browse(path)
    assert "not the file that contract.json describes" in report["begin"]


def test_javascript_of_the_phone_page(browse, modules, tmp_path):
    """MediaPipe's lines as they are printed, on a picture of the size that the network takes."""
    from PIL import Image

    (code,) = re.findall(r"^```javascript\n(.*?)^```$", PHONE.read_text(), re.DOTALL | re.MULTILINE)
    model = CIFAR()
    names = keras_senet.weights.class_names(model)
    path = export.to_tflite(model, tmp_path / "digits.tflite", labels=names)
    assert zipfile.ZipFile(path).read("labels.txt").decode().splitlines() == list(names)
    cat = ROOT / "docs" / "images" / "cat.jpg"
    pixels = keras_senet.load_image(cat, model)
    Image.fromarray(pixels[0]).save(tmp_path / "seen.png")
    package = modules / "@mediapipe" / "tasks-vision"
    (tmp_path / "tasks-vision").symlink_to(package)
    (tmp_path / "wasm").symlink_to(package / "wasm")
    (tmp_path / "index.html").write_text(
        '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><img src="seen.png">'
        "<script>window.logged = []; "  # of what is logged the answer, MediaPipe's messages aside
        "console.log = (x) => Array.isArray(x) && logged.push(x);</script>"
        '<script type="importmap">{"imports": {"@mediapipe/tasks-vision": '
        '"./tasks-vision/vision_bundle.mjs"}}</script>'
        f'<script type="module">{code}</script>'
    )
    report = browse(tmp_path, is_quiet=False, logs=1)  # MediaPipe writes to the console
    (categories,) = report["logged"]
    (expected,) = LiteRT(path)(pixels)
    assert categories[0]["categoryName"] == names[expected.argmax()] == "cat"
    assert categories[0]["score"] == pytest.approx(expected.max(), abs=1e-3)
