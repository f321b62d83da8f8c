"""Makes views.npz again: what timm's evaluation shows of scikit-learn's two photographs.

Needs an environment of its own: pip install torch timm==1.0.31
Then: python tests/golden/make_views.py FOLDER_OF_SKLEARN_IMAGES
"""

import contextlib
import pathlib
import sys

import numpy as np
import torch

# CPU builds of torchvision may lack these operators, which the peers import but do not call.
schemas = torch.library.Library("torchvision", "FRAGMENT")
for operator in (
    "nms(Tensor d, Tensor s, float t) -> Tensor",
    "qnms(Tensor d, Tensor s, float t) -> Tensor",
):
    with contextlib.suppress(RuntimeError):
        schemas.define(operator)

from PIL import Image  # noqa: E402
from timm.data import create_transform  # noqa: E402

SIZES = (224, 288, 299, 320, 384)
CROPS = (0.875, 0.95, 1.0)
values = {}
for name in ("china.jpg", "flower.jpg"):
    photo = Image.open(pathlib.Path(sys.argv[1]) / name).convert("RGB")
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
