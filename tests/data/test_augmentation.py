"""What augmentations do: ranges, rates, and operations against Pillow's."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from keras_senet import data
from keras_senet.data import crops, mixing, rand_augment, transforms
from keras_senet.data.warp import warp

tf = pytest.importorskip("tensorflow")

NOISE = np.random.default_rng(0).integers(0, 256, (24, 24, 3), "uint8")
ROWS, COLUMNS = np.mgrid[:24, :24]
SMOOTH = np.stack([5 * ROWS, 3 * ROWS + 6 * COLUMNS, 10 + 9 * COLUMNS], -1).astype("uint8")
EVERYTHING = data.PHOTO.replace(
    rotation=10.0, jitter=20.0, rand_augment=2, magnitude=7.0, magnitude_std=0.5, erasing=0.5
)


def key(position):
    return tf.constant([3, position], tf.int64)


def over_keys(function, count):
    """Results for many keys, computed in tf.data."""
    keys = tf.data.Dataset.range(count).map(lambda at: tf.stack([tf.constant(3, tf.int64), at]))
    return np.stack(list(keys.map(function, num_parallel_calls=2).as_numpy_iterator()))


def test_parts_cover_the_range_of_areas_and_ratios():
    shape = tf.constant([375, 500, 3])
    windows = over_keys(lambda k: crops.part(shape, k, (0.08, 1.0), (3 / 4, 4 / 3)), 2000)
    top, left, height, width = windows.T
    assert (top >= 0).all() and (left >= 0).all()
    assert (top + height <= 375).all() and (left + width <= 500).all()
    area, ratio = height * width / (375 * 500), width / height
    assert area.min() > 0.079 and area.max() > 0.9
    assert 0.73 < ratio.min() < 0.8 and 1.27 < ratio.max() < 1.35
    # The same by rejection: uniform area, log-uniform ratio, as long as it fits.
    rng = np.random.default_rng(0)
    areas = rng.uniform(0.08, 1, 100_000) * 375 * 500
    ratios = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3), 100_000))
    fits = (np.sqrt(areas * ratios) <= 500) & (np.sqrt(areas / ratios) <= 375)
    expected = areas[fits] / (375 * 500)
    assert abs(area.mean() - expected.mean()) < 4 * expected.std() / np.sqrt(2000)
    assert abs(np.mean(area > 0.5) - np.mean(expected > 0.5)) < 4 * 0.5 / np.sqrt(2000)
    # Uniform over the places that there are.
    assert abs(np.mean(left / np.maximum(500 - width, 1)) - 0.5) < 4 * 0.3 / np.sqrt(2000)
    assert len(np.unique(windows, axis=0)) > 1900


def test_a_part_of_a_strip_is_central():
    for shape, window in (((20, 400, 3), [0, 186, 20, 27]), ((400, 20, 3), [186, 0, 27, 20])):
        got = crops.part(tf.constant(shape), key(0), (0.9, 1.0), (3 / 4, 4 / 3))
        np.testing.assert_allclose(got, window, atol=1)


@pytest.mark.slow
def test_eager_results_equal_those_of_tf_data():
    def augmented(k):
        return transforms.augment(tf.constant(NOISE), k, EVERYTHING, 24)

    in_graph = over_keys(augmented, 4)
    np.testing.assert_array_equal(in_graph, [augmented(key(at)) for at in range(4)])
    assert in_graph.dtype == "uint8"
    assert len({image.tobytes() for image in in_graph}) == 4


def test_half_of_the_images_are_mirrored():
    flips = over_keys(
        lambda k: transforms.augment(tf.constant(NOISE), k, data.CIFAR.replace(padding=0), 24), 1000
    )
    mirrored = (flips == NOISE[:, ::-1]).all((1, 2, 3))
    assert (mirrored | (flips == NOISE).all((1, 2, 3))).all()
    assert 0.5 - 0.065 < mirrored.mean() < 0.5 + 0.065  # 4 standard deviations


def test_padding_shifts_by_at_most_its_width():
    image = np.zeros((16, 16, 3), "uint8")
    image[8, 8] = 255
    shifted = over_keys(lambda k: transforms.pad_and_crop(tf.constant(image), k, 4, 16), 500)
    _, rows, columns = np.nonzero(shifted[..., 0])
    assert set(rows) == set(columns) == set(range(4, 13))


def test_jitter_is_uniform_within_its_limits():
    image = tf.fill((4, 4, 3), tf.constant(100, tf.uint8))
    changes = over_keys(lambda k: transforms.jitter(image, k, 20.0), 1000).astype(int) - 100
    assert (changes == changes[:, :1, :1]).all()
    assert changes.min() == -20 and changes.max() == 20
    assert abs(changes[:, 0, 0].mean()) < 4 * 20 / np.sqrt(3 * 3000)


def test_rotation_turns_by_at_most_the_angle():
    y, x = np.mgrid[:65, :65] - 32
    image = np.repeat((x > 0)[..., None] * 255, 3, -1).astype("uint8")
    turned = over_keys(lambda k: transforms.rotate(tf.constant(image), k, 10.0), 300)
    inner = np.hypot(x, y) < 30
    changed = (np.abs(turned[..., 0].astype(int) - image[..., 0]) > 128) & inner
    angles = np.degrees(np.arctan2(np.abs(x), np.abs(y)))
    far = inner & (np.hypot(x, y) > 10)
    assert not changed[:, far & (angles > 13)].any()  # the edge lies at 0 degrees; 3 for a pixel
    assert changed[:, far & (angles > 6) & (angles < 9)].any()


def test_erasing_fills_2_to_33_percent_of_some_images():
    image = tf.constant(np.zeros((64, 64, 3), "uint8"))
    erased = over_keys(lambda k: transforms.erase(image, k, 0.4), 500).any(-1)
    shares = erased.mean((1, 2))
    assert abs((shares > 0).mean() - 0.4) < 4 * np.sqrt(0.24 / 500)
    assert shares[shares > 0].min() > 0.015 and shares.max() < 0.35


@pytest.mark.at_first("0.2")
@pytest.mark.parametrize("alpha", [0.1, 0.2, 1.0])
def test_shares_follow_the_beta_distribution(alpha):
    draws = over_keys(lambda k: mixing.beta(k, alpha), 3000)
    # Beta(a, a): mean 1/2, variance 1 / (4 (2a + 1)).
    assert abs(draws.mean() - 0.5) < 4 * 0.5 / np.sqrt(3000)
    np.testing.assert_allclose(draws.var(), 1 / (4 * (2 * alpha + 1)), rtol=0.08)


def mixed(augmentation, number):
    """A batch of a black and a white image of classes 0 and 1."""
    images = tf.constant(np.stack([np.zeros((32, 32, 3)), np.full((32, 32, 3), 255)]), tf.uint8)
    return mixing.mix(
        images, tf.constant([0, 1]), 3, augmentation, 0, tf.constant(number, tf.int64)
    )


def test_mixup_mixes_images_and_labels_alike():
    for number in range(5):
        images, labels = mixed(data.NONE.replace(mixup=1.0), number)
        np.testing.assert_allclose(images[0] / 255, np.full((32, 32, 3), labels[0, 1]), atol=2e-3)
        np.testing.assert_allclose(np.sum(labels, 1), 1, atol=1e-6)
        np.testing.assert_allclose(labels[0, :2], labels[1, 1::-1], atol=1e-6)


def test_cutmix_labels_are_the_shares_of_pixels():
    shares = []
    for number in range(40):
        images, labels = mixed(data.NONE.replace(cutmix=1.0), number)
        assert set(np.unique(images)) <= {0, 255}
        np.testing.assert_allclose(np.mean(images, (1, 2, 3)) / 255, labels[:, 1], atol=1e-6)
        shares.append(labels[0, 1])
    assert np.std(shares) > 0.1


@pytest.mark.parametrize(
    ("name", "pillow"),
    [
        ("_brightness", lambda image: ImageEnhance.Brightness(image).enhance(1.36)),
        ("_contrast", lambda image: ImageEnhance.Contrast(image).enhance(1.36)),
        ("_colour", lambda image: ImageEnhance.Color(image).enhance(1.36)),
        ("_sharpness", lambda image: ImageEnhance.Sharpness(image).enhance(1.36)),
        # timm's strengths of rand-m4-inc1: 4 - int(0.4 * 4) bits, 256 - int(0.4 * 256), 0.4 * 110.
        ("_posterize", lambda image: ImageOps.posterize(image, 3)),
        ("_solarize", lambda image: ImageOps.solarize(image, 154)),
        ("_solarize_add", lambda image: image.point([i + 44 * (i < 128) for i in range(256)] * 3)),
        ("_invert", ImageOps.invert),
        ("_auto_contrast", ImageOps.autocontrast),
        ("_equalize", ImageOps.equalize),
        ("_identity", lambda image: image),
    ],
)
@pytest.mark.parametrize("pixels", [NOISE, SMOOTH])
def test_operations_against_pillow(name, pillow, pixels):
    ours = getattr(rand_augment, name)(tf.constant(pixels), tf.constant(0.4)).numpy()
    theirs = np.asarray(pillow(Image.fromarray(pixels)))
    exact = "_equalize", "_posterize", "_solarize", "_solarize_add", "_invert", "_identity"
    tolerance = 0 if name in exact else 2  # Pillow rounds in between
    np.testing.assert_allclose(ours.astype(int), theirs.astype(int), atol=tolerance)


@pytest.mark.parametrize(
    ("name", "matrix"),
    [
        ("_shear_x", (1, 0.12, 0, 0, 1, 0)),
        ("_shear_y", (1, 0, 0, 0.12, 1, 0)),
        ("_translate_x", (1, 0, 0.18 * 24, 0, 1, 0)),
        ("_translate_y", (1, 0, 0, 0, 1, 0.18 * 24)),
    ],
)
def test_maps_against_pillow(name, matrix):
    """timm's strengths: a shear of 0.4 * 0.3, a shift of 0.4 * 0.45 of the width."""
    ours = getattr(rand_augment, name)(tf.constant(SMOOTH), tf.constant(0.4)).numpy()
    theirs = Image.fromarray(SMOOTH).transform(
        (24, 24), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=(128,) * 3
    )
    assert_equal_inside(ours, np.asarray(theirs))


def test_rotation_against_pillow():
    ours = rand_augment._rotate(tf.constant(SMOOTH), tf.constant(0.4)).numpy()
    theirs = Image.fromarray(SMOOTH).rotate(12, Image.Resampling.BILINEAR, fillcolor=(128,) * 3)
    assert_equal_inside(ours, np.asarray(theirs))


def assert_equal_inside(ours, theirs):
    """Within 1 but for the outermost pixels of the image, which Pillow does not blend with grey."""
    grey = (theirs == 128).all(-1) | (ours == 128).all(-1)
    near = sum(np.roll(grey, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)) > 0
    near[[0, -1]], near[:, [0, -1]] = True, True
    assert near.mean() < 0.7
    np.testing.assert_allclose(ours[~near].astype(int), theirs[~near].astype(int), atol=1)


@pytest.mark.parametrize("fill_mode", ["CONSTANT", "REFLECT"])
@pytest.mark.parametrize("pixels", [NOISE, SMOOTH[:, :17]])
def test_maps_are_those_of_tensorflows_operation(fill_mode, pixels):
    """The former computation, of which the quick one keeps every pixel within 1."""
    rng, exact = np.random.default_rng(0), []
    for _ in range(30):
        matrix = np.eye(2) + rng.uniform(-0.4, 0.4, (2, 2))
        offset = rng.uniform(-9, 9, 2)
        ours = warp(tf.constant(pixels), matrix, offset, fill_mode).numpy().astype(int)
        middle = (np.array(pixels.shape[1::-1]) - 1) / 2
        shift = middle - matrix @ middle + offset
        theirs = tf.raw_ops.ImageProjectiveTransformV3(
            images=pixels[None].astype("float32"),
            transforms=[[*matrix[0], shift[0], *matrix[1], shift[1], 0, 0]],
            output_shape=pixels.shape[:2],
            interpolation="BILINEAR",
            fill_mode=fill_mode,
            fill_value=128.0,
        )[0]
        np.testing.assert_allclose(ours, theirs, atol=0.75)
        exact.append(ours == np.rint(theirs))
    assert np.mean(exact) > 0.9


@pytest.mark.slow
def test_operations_are_drawn_alike_and_as_strong_as_said(monkeypatch):
    """Each of 15 with probability 0.5 / 15, at levels of N(7, 0.5) of both signs."""

    def operation(number):
        return lambda image, level: tf.cast(
            tf.fill(tf.shape(image), number + 16 * tf.cast(2000.5 + 1000 * level, tf.int32)),
            tf.int32,
        )

    monkeypatch.setattr(rand_augment, "OPERATIONS", tuple(operation(n) for n in range(15)))
    image = tf.fill((1, 1, 3), -1)
    once = data.RSB_A2.replace(rand_augment=1)
    drawn = over_keys(lambda k: rand_augment.rand_augment(image, k, once), 4000)[:, 0, 0, 0]
    applied = drawn[drawn >= 0]
    assert abs(len(applied) / 4000 - 0.5) < 4 * 0.5 / np.sqrt(4000)
    counts = np.bincount(applied % 16, minlength=15)
    assert len(counts) == 15
    expected = len(applied) / 15
    assert ((counts - expected) ** 2 / expected).sum() < 36  # chi-squared of 14: 0.1 %
    levels = (applied // 16 - 2000) / 1000
    assert abs(np.mean(levels > 0) - 0.5) < 4 * 0.5 / np.sqrt(len(levels))
    sizes = np.abs(levels)
    assert abs(sizes.mean() - 0.7) < 0.01 and abs(sizes.std() - 0.05) < 0.005


def test_bad_fields():
    for change in (
        {"crop": "half"},
        {"area": (0.0, 1.0)},
        {"area": 0.5},
        {"ratio": (2.0, 1.0)},
        {"ratio": (1.0, float("inf"))},
        {"flip": None},
        {"mixup": -1.0},
        {"magnitude": 11.0},
        {"rand_probability": 1.1},
    ):
        with pytest.raises(ValueError, match=f"Field `{next(iter(change))}` must"):
            data.PHOTO.replace(**change)
