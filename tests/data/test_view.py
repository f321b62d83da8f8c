"""One evaluation transform everywhere: files, pipeline, served model, trained model."""

import dataclasses
import io
import itertools
import pathlib
import struct

import keras
import numpy as np
import pytest
from PIL import Image

import keras_senet
from keras_senet import data
from keras_senet.data import View
from keras_senet.weights import CIFAR, RECORDS, fingerprint

tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="of TensorFlow")

RECORD_VIEWS = sorted(
    {
        (r.input_size, *(getattr(r.preprocessing, name) for name in fingerprint.VIEW))
        for r in RECORDS
    }
)


def network(view, channels=3):
    """A model that returns what it sees."""
    preprocessing = dataclasses.replace(
        CIFAR.of_channels(channels),
        crop=view.crop,
        interpolation=view.interpolation,
        crop_mode=view.crop_mode,
    )
    image = keras.Input((*view.sides, channels))
    return keras.Model(image, preprocessing.layer(size=view.size)(image))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """scikit-learn's photographs and drawn ones, of many sizes and orientations."""
    datasets = pytest.importorskip("sklearn.datasets")
    root = tmp_path_factory.mktemp("photos")
    images = [Image.fromarray(pixels) for pixels in datasets.load_sample_images().images]
    images += [images[0].resize(size) for size in ((410, 700), (299, 299), (900, 310))]
    for name in ("a", "b"):
        (root / name).mkdir()
        for number, image in enumerate(images):
            exif = Image.Exif()
            exif[0x0112] = number + 1
            image.save(root / name / f"{number}.jpg", quality=95, exif=exif)
    return root


@pytest.mark.at_first(every=48)
@pytest.mark.parametrize("view", RECORD_VIEWS)
def test_validation_shows_what_load_image_shows(photos, view):
    """`load_image` equals timm's transform: tests/data/test_load_image.py."""
    model = network(View(*view))
    loaded = data.load(f"folder:{photos}", image_size=32)
    loaded = loaded.replace(held_out=loaded.training)
    images, _ = loaded.seen_by(model).held_out_arrays()
    for image, path in zip(images, loaded.held_out.items, strict=True):
        expected = keras_senet.load_image(str(path), model)[0]
        assert np.abs(image.astype(int) - expected).mean() <= 0.5


@pytest.mark.slow
def test_sizes_that_are_no_square(photos):
    view = View((48, 96), crop=0.9)
    loaded = data.load(f"folder:{photos}", image_size=32).replace(view=view)
    images, _ = loaded.held_out_arrays(1)
    expected = keras_senet.load_image(photos / "a" / "0.jpg", network(view))
    assert np.abs(images.astype(int) - expected).mean() <= 0.5


def segment(marker, body):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def exif(value, order="MM", kind=3, entries=0, begin=8):
    mark = ">" if order == "MM" else "<"
    tiff = (b"MM\0*" if mark == ">" else b"II*\0") + struct.pack(mark + "I", begin)
    tiff += b"\0" * (begin - 8) + struct.pack(mark + "H", entries + 1)
    for number in range(entries):
        tiff += struct.pack(mark + "HHII", 0x100 + number, 4, 1, 9)
    number = struct.pack(mark + "HH", value, 0) if kind == 3 else struct.pack(mark + "I", value)
    return segment(0xE1, b"Exif\0\0" + tiff + struct.pack(mark + "HHI", 0x112, kind, 1) + number)


def xmp(value):
    text = f'<x tiff:Orientation="{value}"/>'.encode()
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + text)


CAPTION = segment(0xED, b"Photoshop 3.0\0" + b"c" * 400)
COMMENT = segment(0xFE, b"\xff\xe1\0\x10Exif\0\0MM\0*")
PROFILE = segment(0xE2, b"ICC_PROFILE\0\1\1" + b"z" * 60000)
HEADERS = {
    **{f"{n}{o}{k}": exif(n, o, k) for n in range(10) for o in ("MM", "II") for k in (3, 4)},
    "behind a caption": CAPTION + exif(6),
    "behind a comment": COMMENT + exif(6),
    "in a comment": COMMENT,
    "behind profiles": 2 * PROFILE + exif(8, kind=4),
    "behind filling": b"\xff\xff" + exif(6),
    "not the first entry": exif(6, "II", entries=5, begin=20),
    "XMP": xmp(6),
    "XMP behind EXIF": exif(1) + xmp(6),
    "EXIF behind XMP": xmp(6) + exif(3),
    "a type of its own": exif(6, kind=1),
    "cut short": segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01"),
    "an offset out of it": segment(0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff\0\0"),
    "none": b"",
}


@pytest.fixture(scope="module")
def jpeg():
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype="uint8")
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_orientation_is_the_one_that_pillow_sees(jpeg):
    from keras_senet.data.jpeg import is_upright_jpeg, orientation

    ask = tf.function(orientation, input_signature=[tf.TensorSpec((), tf.string)])
    for name, header in HEADERS.items():
        file = jpeg[:2] + header + jpeg[2:]
        seen = Image.open(io.BytesIO(file)).getexif().get(0x0112, 1)
        expected = seen if seen in range(2, 9) else 1
        assert int(ask(file)) == expected, name
        assert bool(is_upright_jpeg(tf.constant(file))) == (expected == 1), name
    for broken in (b"", b"\xff", b"\xff\xd8\xff", b"text" * 99):
        assert int(ask(broken)) == 1


@pytest.mark.slow
def test_small_images_are_seen_whole(tmp_path):
    rng = np.random.default_rng(0)
    expected = rng.integers(0, 256, (10, 32, 32, 3), dtype="uint8")
    for number, pixels in enumerate(expected):
        path = tmp_path / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
    loaded = data.load(f"folder:{tmp_path}", image_size=32)
    np.testing.assert_array_equal(loaded.held_out_arrays()[0], expected[[0, 1]])
    stream = loaded.train(8, augmentation=data.NONE)
    images, _ = next(stream.as_numpy_iterator())
    assert {image.tobytes() for image in images} == {image.tobytes() for image in expected[2:]}
    assert loaded.augmentation == data.CIFAR


@pytest.mark.at_first("bilinear")
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_images_of_the_view_s_sides_are_delivered_as_they_are(tmp_path, interpolation):
    """Bit for bit Pillow's pixels, among images of other sizes, which are resized."""
    rng = np.random.default_rng(0)
    sizes = [(32, 32)] * 4 + [(32, 31), (31, 32), (64, 64), (16, 16)]
    for number, (height, width) in enumerate(sizes):
        pixels = rng.integers(0, 256, (height, width, 3), dtype="uint8")
        for split, name in itertools.product(("train", "test"), "ab"):
            path = tmp_path / split / name / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels if split == "test" else pixels[::-1]).save(path)
    view = View(32, 1.0, interpolation)
    loaded = data.load(f"folder:{tmp_path}", image_size=32).replace(view=view)
    images, _ = loaded.held_out_arrays()
    for image, path in zip(images, loaded.held_out.items, strict=True):
        expected = keras_senet.load_image(str(path), network(view))[0]
        assert image.shape == (32, 32, 3)
        if Image.open(path).size == (32, 32):
            np.testing.assert_array_equal(image, np.asarray(Image.open(path)))
        else:
            assert np.abs(image.astype(int) - expected).mean() <= 0.5
    stream = loaded.train(16, augmentation=data.NONE)
    trained = {image.tobytes() for image in next(stream.as_numpy_iterator())[0]}
    kept = [Image.open(path) for path in loaded.training.items]
    assert {np.asarray(image).tobytes() for image in kept if image.size == (32, 32)} <= trained
    cropped, _ = loaded.replace(view=View(32, 0.8, interpolation)).held_out_arrays()
    assert not np.array_equal(cropped[0], images[0])


@pytest.mark.slow
def test_training_writes_its_view_and_evaluation_takes_it(photos, tmp_path):
    from keras_senet.training import FINETUNE, evaluate, train

    tiny = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
    tiny = tiny.replace(preprocessing=dataclasses.replace(CIFAR, crop=0.8, interpolation="bicubic"))
    loaded = data.load(f"folder:{photos}", image_size=32)
    recipe = FINETUNE.replace(epochs=1, warmup_epochs=0, batch_size=4)
    result = train(tiny, loaded, recipe, tmp_path / "run")
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    assert View.of(model) == View(32, 0.8, "bicubic")
    assert evaluate(model, loaded, 4).view == View(32, 0.8, "bicubic")
    whole = train(tiny, loaded.replace(view=View(32, 1.0)), recipe, tmp_path / "whole")
    assert View.of(whole.model) == View(32, 1.0) and View.of(result.model).crop == 0.8


def test_every_held_out_image_is_judged_once(tmp_path):
    from keras_senet.training import evaluate

    for label, name in enumerate("abc"):
        for number in range(15):
            path = tmp_path / name / f"{number:02}.jpg"
            path.parent.mkdir(exist_ok=True)
            if name == "a" and number % 5 == 0:
                path.write_text("no image")
            else:
                Image.fromarray(np.full((40, 40, 3), 80 * label, "uint8")).save(path)
    loaded = data.load(f"folder:{tmp_path}", image_size=32, max_bad_images=9)
    labels = np.concatenate([batch for _, batch in loaded.validation(4).as_numpy_iterator()])
    np.testing.assert_array_equal(np.bincount(labels, minlength=3), [0, 3, 3])
    found = evaluate(keras_senet.SEResNet20.replace(depths=(1, 1, 1))(classes=3), loaded, 4)
    assert found.images == 6
    assert {pathlib.Path(path).name for path in found.unreadable} == {"00.jpg", "05.jpg", "10.jpg"}
    assert np.isnan(found.class_accuracy[0])


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
def test_the_endpoint_for_files(jpeg, tmp_path, channels):
    keras.utils.set_random_seed(0)
    tiny = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
    tiny = tiny.replace(preprocessing=dataclasses.replace(CIFAR.of_channels(channels), crop=0.9))
    model = tiny(classifier_activation=None, input_shape=(32, 32, channels))
    served = tf.saved_model.load(str(keras_senet.export.to_saved_model(model, tmp_path / "m")))
    png = io.BytesIO()
    Image.new("RGB", (40, 30)).save(png, "PNG")
    turned = [jpeg[:2] + CAPTION + exif(n) + jpeg[2:] for n in range(1, 9)]
    broken = [jpeg[:-200], b"no image", b"", png.getvalue()]
    outputs = served.jpeg(tf.constant(turned + broken)).numpy()
    expected = [model.predict(keras_senet.load_image(file, model), verbose=0)[0] for file in turned]
    # Rounding of pixels alone.
    np.testing.assert_allclose(outputs[:8], expected, atol=0.02 * np.abs(expected).max())
    assert np.isnan(outputs[8:]).all()
    assert served.jpeg(tf.constant([], tf.string)).shape == (0, 10)


def test_a_model_that_does_not_say_its_view(photos, caplog):
    model = keras_senet.SEResNet20(include_preprocessing=False)
    assert View.of(model) is None
    loaded = data.load(f"folder:{photos}", image_size=32)
    assert loaded.seen_by(model).seen == View(32, 1.0)
    assert "does not say which part" in caplog.text
    with pytest.raises(ValueError, match="holds images of 16 pixels"):
        data.load("digits", image_size=16).seen_by(keras_senet.SEResNet20())
