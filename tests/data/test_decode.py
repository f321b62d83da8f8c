"""Image files of every kind to RGB pixels."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from keras_senet.data import read_rgb

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), "uint8")
# JPEG keeps slow changes to a few levels.
RAMP = np.linspace(0, 250, 120).astype("uint8")
SMOOTH = np.stack(
    [np.tile(RAMP, (80, 1)), np.full((80, 120), 90, "uint8"), RAMP[:80, None] + 0 * RAMP], -1
)


def encoded(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {}), ("BMP", {}), ("WEBP", {"lossless": True})]
)
def test_lossless_files_are_read_exactly(kind, options):
    np.testing.assert_array_equal(
        read_rgb(encoded(Image.fromarray(PIXELS), format=kind, **options)), PIXELS
    )


def test_cmyk_and_grey_jpeg():
    colour = Image.fromarray(SMOOTH)
    cmyk = read_rgb(encoded(colour.convert("CMYK"), format="JPEG", quality=95))
    np.testing.assert_allclose(cmyk, SMOOTH.astype(int), atol=6)
    grey = read_rgb(encoded(colour.convert("L"), format="JPEG", quality=95))
    np.testing.assert_array_equal(grey[..., 0], grey[..., 2])


def test_sixteen_bits_become_eight():
    grey = (np.arange(600).reshape(20, 30) * 109).astype("uint16")
    expected = np.rint(grey / 257)[..., None].repeat(3, -1)  # 65535 / 255 = 257
    np.testing.assert_array_equal(read_rgb(encoded(Image.fromarray(grey), format="PNG")), expected)


def tiff(numbers, bits, photometric=1, sample_format=1):
    """A grey file by TIFF 6.0, uncompressed, of rows of unsigned numbers."""
    rows, columns = numbers.shape
    digits = "".join(f"{number:0{bits}b}" for number in numbers.ravel())
    size = {12: 1, 16: 2, 32: 4}[bits]  # of 12 bits the first ones come first, others as integers
    packed = int(digits, 2).to_bytes(len(digits) // 8, "big")
    content = b"".join(packed[at : at + size][::-1] for at in range(0, len(packed), size))
    tags = {256: columns, 257: rows, 258: bits, 259: 1, 262: photometric}
    tags |= {273: 8 + 2 + 12 * 10 + 4, 277: 1, 278: rows, 279: len(content), 339: sample_format}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + b"\0" * 4 + content


@pytest.mark.parametrize("bits", [12, 16])
def test_white_is_what_the_file_says(bits):
    white = 2**bits - 1
    numbers = np.linspace(0, white, 64).astype("int64").reshape(8, 8)
    expected = np.rint(255 * numbers / white)[..., None].repeat(3, -1)
    np.testing.assert_array_equal(read_rgb(tiff(numbers, bits)), expected)
    if bits == 16:  # Pillow has none of 12 bits
        reversed_ = np.rint(255 * (white - numbers) / white)[..., None].repeat(3, -1)
        np.testing.assert_array_equal(read_rgb(tiff(numbers, bits, photometric=0)), reversed_)


@pytest.mark.parametrize(("bits", "sample_format"), [(16, 2), (32, 1), (32, 2)])
def test_no_file_says_what_white_is_of_32_bits_or_signs(bits, sample_format):
    """Dark numbers too, which 16 bits could hold."""
    numbers = np.arange(64).reshape(8, 8)
    with pytest.raises(ValueError, match="nothing says which number is white"):
        read_rgb(tiff(numbers, bits, sample_format=sample_format))


def test_ppm_of_more_than_eight_bits():
    numbers = np.linspace(0, 1000, 64).astype(">u2").reshape(8, 8)
    file = b"P5 8 8 1000\n" + numbers.tobytes()
    expected = np.rint(255 * numbers.astype(int) / 1000)[..., None].repeat(3, -1)
    np.testing.assert_allclose(read_rgb(file), expected, atol=1)  # Pillow brings them to 16 bits


def test_palettes_and_gif():
    palette = Image.fromarray(PIXELS).quantize(8)
    expected = np.asarray(palette.convert("RGB"))
    for kind in ("PNG", "GIF"):
        np.testing.assert_array_equal(read_rgb(encoded(palette, format=kind)), expected)


def test_a_transparent_grey_of_16_bits_is_white(tmp_path):
    pixels = np.array([[0, 1000, 65535], [1000, 30000, 1001]], "uint16")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", transparency=1000)
    image = file.getvalue()
    if b"tRNS" not in image:  # as Pillow may not write it for 16 bits: 2 bytes behind the header
        chunk = b"tRNS" + (1000).to_bytes(2, "big")
        end = image.index(b"IDAT") - 4
        chunk = (2).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
        image = image[:end] + chunk + image[end:]
    assert read_rgb(image)[..., 0].tolist() == [[0, 255, 255], [255, 117, 4]]


def test_transparent_pixels_are_white():
    pixels = np.zeros((2, 2, 4), "uint8")
    pixels[0, 0] = (10, 20, 30, 255)
    decoded = read_rgb(encoded(Image.fromarray(pixels), format="PNG"))
    assert decoded.tolist() == [[[10, 20, 30], [255] * 3], [[255] * 3, [255] * 3]]


# The transpositions that turn an image upright: the EXIF standard (JEITA CP-3451), tag 0x0112.
@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda x: x),
        (2, lambda x: x[:, ::-1]),
        (3, lambda x: x[::-1, ::-1]),
        (4, lambda x: x[::-1]),
        (5, lambda x: x.transpose(1, 0, 2)),
        (6, lambda x: x[::-1].transpose(1, 0, 2)),
        (7, lambda x: x[::-1, ::-1].transpose(1, 0, 2)),
        (8, lambda x: x[:, ::-1].transpose(1, 0, 2)),
    ],
)
def test_exif_orientation(orientation, upright):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = encoded(Image.fromarray(PIXELS), format="PNG", exif=exif)
    np.testing.assert_array_equal(read_rgb(file), upright(PIXELS))


def test_whatever_the_suffix(tmp_path):
    path = tmp_path / "n02105855_2933.JPEG"
    path.write_bytes(encoded(Image.fromarray(PIXELS), format="PNG"))
    np.testing.assert_array_equal(read_rgb(path), PIXELS)
    np.testing.assert_array_equal(read_rgb(str(path)), PIXELS)


def test_broken_files_are_named(tmp_path):
    path = tmp_path / "cut.jpg"
    whole = encoded(Image.fromarray(SMOOTH), format="JPEG")
    for content in (whole[:-2], whole[: len(whole) // 2], whole[:10], b"", b"<html>"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"Expected a whole JPEG.*cut\.jpg"):
            read_rgb(path)
        with pytest.raises(ValueError, match=f"Received: {len(content)} bytes"):
            read_rgb(content)
    with pytest.raises(FileNotFoundError, match="nothing"):
        read_rgb(tmp_path / "nothing.png")
