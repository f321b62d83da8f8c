"""Makes views.npz again: what timm's evaluation shows of scikit-learn's two photographs.

Needs the environment of README.md. Then: python tests/golden/make_views.py
"""

import itertools
import json
import pathlib

import numpy as np
import packages  # noqa: F401  before timm
from PIL import Image
from sklearn.datasets import load_sample_image
from timm.data import create_transform

HERE = pathlib.Path(__file__).parent
CONFIGS = json.loads((HERE / "timm_configs.json").read_text())
# Size, crop, interpolation, mode: those of timm's weight sets, and of all others.
VIEWS = {
    (row["size"], row["crop"], row["interpolation"], row["crop_mode"]) for row in CONFIGS.values()
}
VIEWS |= set(itertools.product((224, 299), (0.875,), ("bilinear", "bicubic"), ("center",)))
APPLICATIONS = (240, 260, 300, 380, 384, 456, 480, 528, 600)  # keras.applications' EfficientNets
VIEWS |= {(size, 0.875, "bilinear", "center") for size in APPLICATIONS}
VIEWS.add((32, 1.0, "bilinear", "center"))  # the networks that come with the package
values = {}
for name in ("china.jpg", "flower.jpg"):
    photo = Image.fromarray(load_sample_image(name))
    for size, crop, interpolation, mode in sorted(VIEWS):
        transform = create_transform(
            (3, size, size),
            crop_pct=crop,
            crop_mode=mode,
            interpolation=interpolation,
            mean=(0, 0, 0),
            std=(1 / 255, 1 / 255, 1 / 255),
        )
        image = transform(photo).permute(1, 2, 0).numpy()
        key = f"{name}/{size}/{crop}/{interpolation}/{mode}"
        values[f"{key}/pixels"] = np.rint(image[::37, ::41]).astype("uint8")
        values[f"{key}/mean"] = image.mean((0, 1), dtype="float64")
np.savez_compressed(HERE / "views.npz", **values)
