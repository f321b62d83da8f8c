"""Drawn shapes: a task that needs no download and is harder than digits."""

import numpy as np

from keras_senet.data.augmentation import CIFAR
from keras_senet.data.checks import as_image_size
from keras_senet.data.dataset import Dataset
from keras_senet.data.split import Split

FIGURES = ("disc", "square", "triangle", "ring", "cross")
FILLS = ("stripes", "checks")
TRAINING, HELD_OUT = 4000, 1000
SEED = 0


def load_shapes(image_size: int = 32) -> Dataset:
    """Five figures with two fillings, ten classes, on grounds that say nothing of the class.

    A figure of random place, size, angle and two random colours, filled with stripes or checks of
    random period, lies on a random gradient with waves, beside a distracting bar, under noise.
    4000 images to train on and 1000 held out, the same on every machine.

    Args:
        image_size: Height and width in pixels, at least 16.

    Raises:
        ValueError: If the size is below 16.
    """
    image_size = as_image_size(image_size)
    if image_size < 16:
        raise ValueError(
            f"Argument `image_size` must be at least 16 pixels. Received: {image_size}"
        )
    count = TRAINING + HELD_OUT
    labels = np.arange(count, dtype="int32") % 10
    pixels = np.stack([draw(label, number, image_size) for number, label in enumerate(labels)])
    return Dataset(
        name="shapes",
        source="shapes",
        class_names=tuple(f"{figure} {fill}" for figure in FIGURES for fill in FILLS),
        image_size=image_size,
        training=Split(pixels[:TRAINING], labels[:TRAINING]),
        held_out=Split(pixels[TRAINING:], labels[TRAINING:]),
        augmentation=CIFAR,
    )


def draw(label, number, size):
    """Image `number` of the set, `(size, size, 3)` uint8."""
    rng = np.random.default_rng((SEED, number))
    y, x = np.mgrid[:size, :size] / (size - 1) * 2 - 1
    image = _ground(rng, x, y)
    # The distracting bar lies behind the figure.
    angle, place = rng.uniform(0, np.pi), rng.uniform(-0.8, 0.8)
    bar = np.abs(x * np.cos(angle) + y * np.sin(angle) - place) < 0.12
    image[bar] = rng.uniform(0, 1, 3)
    radius, turn = rng.uniform(0.55, 0.85), rng.uniform(0, 2 * np.pi)
    left, top = rng.uniform(-0.9 + radius, 0.9 - radius, 2)
    u = ((x - left) * np.cos(turn) + (y - top) * np.sin(turn)) / radius
    v = ((y - top) * np.cos(turn) - (x - left) * np.sin(turn)) / radius
    inside = _figure(FIGURES[label // 2], u, v)
    first = _fill(FILLS[label % 2], rng, u, v)
    colours = rng.uniform(0, 1, (2, 3))
    image[inside] = np.where(first[..., None], *colours)[inside]
    image += rng.normal(0, rng.uniform(0.02, 0.06), image.shape)
    return np.rint(image.clip(0, 1) * 255).astype("uint8")


def _ground(rng, x, y):
    slopes = rng.uniform(-0.2, 0.2, (2, 3))
    image = rng.uniform(0.2, 0.8, 3) + x[..., None] * slopes[0] + y[..., None] * slopes[1]
    angle, period, phase = rng.uniform(0, np.pi), rng.uniform(0.3, 1.5), rng.uniform(0, 2 * np.pi)
    waves = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / period + phase)
    return image + waves[..., None] * rng.uniform(-0.1, 0.1, 3)


def _figure(name, u, v):
    distance = np.hypot(u, v)
    if name == "disc":
        return distance < 0.9
    if name == "square":
        return np.maximum(np.abs(u), np.abs(v)) < 0.75
    if name == "triangle":
        return (v > -0.5) & (v < 1 - np.sqrt(3) * np.abs(u))
    if name == "ring":
        return (distance < 1) & (distance > 0.5)
    return (np.minimum(np.abs(u), np.abs(v)) < 0.35) & (np.maximum(np.abs(u), np.abs(v)) < 0.95)


def _fill(name, rng, u, v):
    period, phase = rng.uniform(0.5, 0.8), rng.uniform(0, 2 * np.pi, 2)
    angle = rng.uniform(0, np.pi)
    along = np.cos(angle) * u + np.sin(angle) * v
    across = np.cos(angle) * v - np.sin(angle) * u
    stripes = np.sin(along * 2 * np.pi / period + phase[0]) > 0
    if name == "stripes":
        return stripes
    return stripes ^ (np.sin(across * 2 * np.pi / period + phase[1]) > 0)
