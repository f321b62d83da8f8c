"""PNG files that the graph decodes have Pillow's pixels; it leaves all others to Pillow."""

import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, PngImagePlugin

from keras_senet import data
from keras_senet.data.png import is_plain_png
from keras_senet.data.view import View

PIXELS = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype="uint8")


def saved(mode="RGB", **options):
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(buffer, "PNG", **options)
    return buffer.getvalue()


def chunk(name, content):
    crc = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + crc


def with_chunk(name, content):
    """The file with one more chunk behind its header."""
    file = saved()
    return file[:33] + chunk(name, content) + file[33:]


def with_rows(change):
    """The file with other compressed rows in its one chunk of pixels."""
    file = saved()
    at = file.index(b"IDAT")
    end = at + 4 + int.from_bytes(file[at - 4 : at], "big")
    return file[: at - 4] + chunk(b"IDAT", change(file[at + 4 : end])) + file[end + 4 :]


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(exif=exif)


def text(key, value, international=False):
    info = PngImagePlugin.PngInfo()
    (info.add_itxt if international else info.add_text)(key, value)
    return saved(pnginfo=info)


def several():
    frames = [Image.fromarray(PIXELS), Image.fromarray(PIXELS[::-1])]
    buffer = io.BytesIO()
    frames[0].save(buffer, "PNG", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


XMP = '<x tiff:Orientation="6"/>'
RAW_EXIF = "\nexif\n26\n" + "45786966000049492a00080000000100120103000100000006000000"
PLAIN = {
    "colour": saved(),
    "grey": saved("L"),
    "gamma": with_chunk(b"gAMA", struct.pack(">I", 100000)),
    "background": with_chunk(b"bKGD", b"\0\1\0\1\0\1"),
    "significant bits": with_chunk(b"sBIT", b"\5\5\5"),
    "palette beside colours": with_chunk(b"PLTE", b"abc" * 4),
    "a date": text("date:create", "2026"),
}
OTHERS = {
    "palette": saved("P"),
    "black and white": saved("1"),
    "16 bits": saved("I;16"),
    "transparent": saved("RGBA"),
    "transparent grey": saved("LA"),
    "a transparent colour": saved(transparency=tuple(map(int, PIXELS[0, 0]))),
    "a transparent grey": saved("L", transparency=int(PIXELS[0, 0, 0])),
    "turned by EXIF": turned(),
    "turned by XMP": text("XML:com.adobe.xmp", XMP, international=True),
    "turned by a text": text("Raw profile type exif", RAW_EXIF),
    "several pictures": several(),
    "truncated": saved()[:-30],
    "without its last chunk": saved()[:-12],
    "JPEG": b"\xff\xd8\xff",
    "empty": b"",
}
# Whole by header and end.
BROKEN = {
    "few rows": with_rows(lambda rows: zlib.compress(zlib.decompress(rows)[:60])),
    "a wrong checksum of the rows": with_rows(lambda rows: rows[:-1] + bytes([rows[-1] ^ 1])),
    "an unknown filter": with_rows(lambda rows: zlib.compress(b"\7" + zlib.decompress(rows)[1:])),
}


@tf.function(input_signature=[tf.TensorSpec((), tf.string)])
def decoded(file):
    return tf.io.decode_png(file, channels=3)


@pytest.mark.parametrize("name", PLAIN)
def test_plain_files_have_pillows_pixels(name):
    assert is_plain_png(tf.constant(PLAIN[name]))
    np.testing.assert_array_equal(decoded(PLAIN[name]), data.read_rgb(PLAIN[name]))


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_are_pillows(name):
    assert not is_plain_png(tf.constant(OTHERS[name]))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_broken_file_is_read_otherwise_than_by_pillow():
    """Whatever byte of the file is changed."""
    ask = tf.function(is_plain_png, input_signature=[tf.TensorSpec((), tf.string)])
    file, plain = saved(), 0
    for at in range(len(file)):
        changed = bytearray(file)
        changed[at] ^= 1 << at % 8
        if not ask(bytes(changed)):
            continue
        plain += 1
        try:
            pixels = decoded(bytes(changed)).numpy()
        except tf.errors.InvalidArgumentError:
            continue  # the pipeline asks Pillow
        np.testing.assert_array_equal(pixels, data.read_rgb(bytes(changed)))
    assert plain > 100


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_errors(name):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decoded(BROKEN[name])
    with pytest.raises(ValueError, match="Expected a whole JPEG, PNG"):
        data.read_rgb(BROKEN[name])


def test_the_pipeline_reads_all_of_them(tmp_path):
    """In training and validation: pixels and labels, and the names of what cannot be read."""
    readable = {**PLAIN, **OTHERS}
    unreadable = {name: readable.pop(name) for name in ("truncated", "JPEG", "empty")} | BROKEN
    readable.pop("without its last chunk")  # Pillow's versions differ
    for split in ("train", "test"):
        for label in "ab":
            (tmp_path / split / label).mkdir(parents=True)
            for name, file in {**readable, **unreadable}.items():
                (tmp_path / split / label / f"{name}.png").write_bytes(file)
    loaded = data.load(f"folder:{tmp_path}", image_size=8, max_bad_images=99)
    loaded = loaded.replace(view=View((7, 9), 1.0))
    images, labels = loaded.held_out_arrays()
    for image, name in zip(images, 2 * sorted(f"{name}.png" for name in readable), strict=True):
        pixels = data.read_rgb(readable[name.removesuffix(".png")])
        if pixels.shape == image.shape:
            np.testing.assert_array_equal(image, pixels)
        else:  # upright, and resized by another library than Pillow
            np.testing.assert_allclose(image, loaded.view.see(pixels), atol=1)
    np.testing.assert_array_equal(np.bincount(labels), [len(readable)] * 2)
    found = {path.rsplit("/", 1)[1].removesuffix(".png") for path in loaded.bad_images}
    assert found == set(unreadable)
    stream = loaded.train(64, augmentation=data.NONE)
    trained, _ = next(stream.as_numpy_iterator())
    assert trained.shape == (64, 8, 8, 3)
    assert len(loaded.bad_images) == 4 * len(unreadable)
