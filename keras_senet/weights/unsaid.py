"""What the tensors of a public layout leave open: pixels, and MobileNet v3's trunk."""

import dataclasses
import json
import logging
import pathlib

from keras_senet.weights.layouts.pytorchcv import MOBILENET_V3
from keras_senet.weights.preprocessing import Preprocessing

logger = logging.getLogger("keras_senet")


def said(layout, architecture, fitted, path):
    """`fitted` with the preprocessing that the file's metadata says, or a warning of what is open.

    Args:
        layout: `Layout` of the file.
        architecture: The `Architecture` as it was asked for.
        fitted: The same with the trunk of the layout.
        path: Path of the file.
    """
    if "preprocessing" in layout.trunk:
        return fitted
    stored = _metadata(path)
    if stored:
        fitted = fitted.replace(**stored)
    elif fitted.preprocessing == _default(fitted, "preprocessing"):
        pixels = fitted.preprocessing
        logger.warning(
            "%s does not say how its network normalizes pixels: mean %s, std %s are assumed. Else "
            "use the name of a weight set, or .replace(preprocessing=...).",
            path,
            tuple(round(one, 4) for one in pixels.mean),
            tuple(round(one, 4) for one in pixels.std),
        )
    trunk = {name: getattr(architecture, name, None) for name in ("padding", "epsilon")}
    if layout is MOBILENET_V3 and all(_default(fitted, name) == trunk[name] for name in trunk):
        logger.warning(
            "%s does not say which of timm's two trunks it has. Assumed: padding='same', "
            "epsilon=0.001 (tf_mobilenetv3_*). For mobilenetv3_*: "
            '.replace(padding="torch", epsilon=1e-5), or the name of a weight set.',
            path,
        )
    return fitted


def _default(architecture, name):
    return next(x.default for x in dataclasses.fields(architecture) if x.name == name)


def _metadata(path):
    """Fields that `export_weights` wrote into a safetensors file; none of other files."""
    if pathlib.Path(path).suffix != ".safetensors":
        return {}
    from safetensors import safe_open

    try:
        with safe_open(path, "numpy") as file:
            texts = file.metadata() or {}
        stored = {key: json.loads(texts[key]) for key in KEYS}
    except (KeyError, ValueError, RecursionError):
        return {}
    preprocessing = Preprocessing(
        mean=tuple(stored["mean"]),
        std=tuple(stored["std"]),
        crop=stored["crop_pct"],
        interpolation=stored["interpolation"],
    )
    return {"preprocessing": preprocessing} | (
        {"input_size": stored["size"]} if stored["size"] else {}
    )


KEYS = ("mean", "std", "crop_pct", "interpolation", "size")
