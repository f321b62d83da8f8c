"""Small pictures of which each has a red disc or none, and a blue square or none."""

import csv

import numpy as np
from PIL import Image

NAMES = ("disc", "square")


def draw(number, size=32):
    """Picture number so many, and its labels `(2,)`; every fourth has nothing but noise."""
    rng = np.random.default_rng(number)
    labels = number & 1, number >> 1 & 1
    image = rng.integers(90, 166, (size, size, 3))
    for has, colour, norm in zip(
        labels, ((230, 30, 30), (30, 30, 230)), (np.hypot, np.maximum), strict=True
    ):
        y, x = abs(np.mgrid[:size, :size] - rng.integers(8, size - 8, 2)[:, None, None])
        if has:
            image[norm(x, y) < 8] = colour
    return image.astype("uint8"), labels


def write(folder, count=320, names=NAMES, split=None):
    """Writes pictures and `labels.csv`, of the first labels alone for fewer names.

    Args:
        folder: A folder, created.
        count: Number of pictures.
        names: Names of the labels.
        split: A function from a picture's number to the word in the column `split`, or `None`.
    """
    (folder / "photos").mkdir(parents=True)
    with open(folder / "labels.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", *names, *(["split"] if split else [])])
        for number in range(count):
            image, labels = draw(number)
            name = f"photos/{number:04}.png"
            Image.fromarray(image).save(folder / name)
            row = [name, *labels[: len(names)], *([split(number)] if split else [])]
            writer.writerow(row)
    return folder / "labels.csv"
