"""Metadata of a `.safetensors` file: the network's description, or its preprocessing."""

import json
import pathlib

from safetensors import SafetensorError, safe_open

from keras_senet.layers import ImageNormalization, facts
from keras_senet.weights.preprocessing import Preprocessing

KEY = "keras_senet"  # of the description, in our own layout
PIXELS = (
    "mean",
    "std",
    "crop_pct",
    "interpolation",
    "size",
    "crop_mode",
)  # in timm's layout: timm's names
BACKBONE = ("padding", "epsilon")  # in timm's layout too: our names of what no tensor shows


def described(description, model):
    """Metadata of a file in our own layout.

    Args:
        description: Dict that `fingerprint.describe` wrote.
        model: The `keras.Model`, whose evaluation size, crop and interpolation are added.
    """
    view, layer = {}, _normalization(model)
    if layer is not None:
        view = {
            "size": layer.size,
            "crop": layer.crop,
            "interpolation": layer.interpolation,
            "crop_mode": layer.crop_mode,
        }
    return {KEY: json.dumps({**description, "view": view})}


def of_timm(model, computation):
    """Metadata of a file in timm's layout: pixels, if the model normalizes them, and the backbone.

    Args:
        model: The `keras.Model`.
        computation: Dict `"computation"` of its description.
    """
    backbone = {key: json.dumps(computation[key]) for key in BACKBONE if key in computation}
    return {"format": "pt", **_pixels(model), **backbone}


def _pixels(model):
    layer = _normalization(model)
    if layer is None:
        return {}
    std = [1 / (255 * scale) for scale in layer.scale]
    mean = [-offset * one for offset, one in zip(layer.offset, std, strict=True)]
    values = (mean, std, layer.crop, layer.interpolation, layer.size, layer.crop_mode)
    return {key: json.dumps(value) for key, value in zip(PIXELS, values, strict=True)}


def read_description(path):
    """The dict that `described` wrote, `None` for files that are not in our own layout."""
    description = facts.parse(_read(path).get(KEY))
    known = description is not None and all(
        isinstance(description.get(name), dict) for name in ("computation", "besides")
    )
    return description if known else None


def read_pixels(path):
    """Fields of an architecture from the pixels that `of_timm` wrote; empty where it wrote none."""
    texts = {"crop_mode": '"center"', **_read(path)}  # files from before there were two modes
    try:
        stored = {key: json.loads(texts[key]) for key in PIXELS}
    except (KeyError, ValueError, RecursionError):
        return {}
    preprocessing = Preprocessing(
        mean=tuple(stored["mean"]),
        std=tuple(stored["std"]),
        crop=stored["crop_pct"],
        interpolation=stored["interpolation"],
        crop_mode=stored["crop_mode"],
    )
    size = {"input_size": stored["size"]} if stored["size"] else {}
    return {"preprocessing": preprocessing, **size}


def read_backbone(path):
    """Padding and epsilon that `of_timm` wrote; empty where it wrote none."""
    texts = _read(path)
    try:
        return {key: json.loads(texts[key]) for key in BACKBONE}
    except (KeyError, ValueError, RecursionError):
        return {}


def _normalization(model):
    return next((layer for layer in model.layers if isinstance(layer, ImageNormalization)), None)


def _read(path):
    """The metadata, texts by keys; empty for other files and for files that cannot be read."""
    if pathlib.Path(path).suffix.lower() != ".safetensors" or not pathlib.Path(path).is_file():
        return {}
    try:
        with safe_open(path, "numpy") as file:
            return file.metadata() or {}
    except (OSError, SafetensorError):
        return {}  # read_tensors says what is wrong
