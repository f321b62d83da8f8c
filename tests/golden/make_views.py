"""Makes views.npz again: what timm's evaluation shows of scikit-learn's two photographs.

Needs the environment of README.md. Then: python tests/golden/make_views.py
"""

import pathlib

import numpy as np
import packages  # noqa: F401  before timm
from PIL import Image
from sklearn.datasets import load_sample_image
from timm.data import create_transform

SIZES = (224, 288, 299, 320, 384)
CROPS = (0.875, 0.95, 1.0)
values = {}
for name in ("china.jpg", "flower.jpg"):
    photo = Image.fromarray(load_sample_image(name))
    for size in SIZES:
        for crop in CROPS:
            for interpolation in ("bilinear", "bicubic"):
                transform = create_transform(
                    (3, size, size),
                    crop_pct=crop,
                    interpolation=interpolation,
                    mean=(0, 0, 0),
                    std=(1 / 255, 1 / 255, 1 / 255),
                )
                image = transform(photo).permute(1, 2, 0).numpy()
                key = f"{name}/{size}/{crop}/{interpolation}"
                values[f"{key}/pixels"] = np.rint(image[::37, ::41]).astype("uint8")
                values[f"{key}/mean"] = image.mean((0, 1), dtype="float64")
np.savez_compressed(pathlib.Path(__file__).with_name("views.npz"), **values)
