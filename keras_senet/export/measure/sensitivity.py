"""Which blocks int8 hurts, and a file that leaves the worst of them in float32."""

import dataclasses
import os
import pathlib
import re
from collections.abc import Iterable

import numpy as np

from keras_senet.data import Dataset
from keras_senet.export.contract import Contract
from keras_senet.export.images import calibration_images
from keras_senet.export.tflite.int8 import calibrate, quantize
from keras_senet.export.tflite.litert import MANY, LiteRT
from keras_senet.export.tflite.metadata import stated_range


@dataclasses.dataclass(frozen=True)
class BlockSensitivity:
    """What quantizing one block alone does to the network's output.

    Attributes:
        block: Name of the block, or of a layer outside of blocks.
        difference: Mean absolute difference of an output from the float32 network's.
        agreement: Share of images for which both name the same class (with a threshold, the same
            labels); `None` unless the output is `(N, classes)`.
    """

    block: str
    difference: float
    agreement: float | None


def sensitivity(
    network: bytes | str | os.PathLike,
    images: Dataset | np.ndarray | Iterable,
    ranges: dict | None = None,
    *,
    threshold: float | None = None,
) -> list[BlockSensitivity]:
    """Quantizes every block alone, the others in float32, and runs the images through it.

    Args:
        network: Bytes of a float32 `.tflite` file, or its path.
        images: `(N, H, W, C)`, to calibrate with and to compare on, in any form that `to_tflite`
            takes. A file does not tell a program its evaluation transform: of a data set pass
            `dataset.seen_by(model)`.
        ranges: What `calibrate` returned for these images; calibrated here if `None`.
        threshold: Output above which an image is said to have a label, where it has any number of
            them; `None` for one class an image. A file does not tell.

    Returns:
        A list of `BlockSensitivity`, the most sensitive block first.

    Raises:
        ValueError: If `network` is no such file, or does not take these images.

    Example:
        >>> model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))()
        >>> images = keras_senet.data.load("digits").calibration_images(16)
        >>> path = keras_senet.export.to_tflite(model, "model.tflite")
        >>> sorted(row.block for row in sensitivity(path, images))
        [..., 'stage2_block1', 'stage3_block1', 'stage4_block1', ...]
    """
    if not isinstance(network, bytes):
        network = pathlib.Path(network).read_bytes()
    images = _calibration(network, images)
    ranges = calibrate(network, images) if ranges is None else ranges
    return _sensitivity(network, images, ranges, threshold)


def _sensitivity(network, images, ranges, threshold):
    expected = LiteRT(network, MANY)(images)
    rows = []
    for block in blocks(network):
        received = LiteRT(quantize(network, ranges, only=block), MANY)(images)
        rows.append(
            BlockSensitivity(
                block,
                float(np.abs(received - expected).mean()),
                agreement(received, expected, threshold),
            )
        )
    return sorted(rows, key=lambda row: -row.difference)


def quantize_until(network, images, min_agreement, threshold=None):
    """The int8 network that agrees with float32 on enough images, with few blocks in float32.

    Each attempt leaves one more block in float32, in the order of their sensitivity, and the first
    that agrees is taken.

    Args:
        network: Bytes of a float32 `.tflite` file.
        images: `(N, H, W, C)`, to calibrate with and to compare on.
        min_agreement: Least share of images, 0..1, for which int8 shall name the class of float32.
        threshold: Output above which an image is said to have a label, where it has any number of
            them; `None` for one class an image.

    Returns:
        Bytes of the file, and the names of the blocks in float32.

    Raises:
        ValueError: If not even the network with every block in float32 agrees, the images are not
            finite, or its output is not `(N, classes)`.
    """
    ranges = calibrate(network, images)
    expected = LiteRT(network, MANY)(images)
    if agreement(expected, expected, threshold) is None:
        raise ValueError(
            "`min_agreement` compares classes, outputs (N, classes). Received: outputs "
            f"{expected.shape}."
        )
    floats, order = (), None
    while True:
        quantized = quantize(network, ranges, floats=floats)
        reached = agreement(LiteRT(quantized, MANY)(images), expected, threshold)
        if reached >= min_agreement:
            return quantized, floats
        if order is None:
            order = [row.block for row in _sensitivity(network, images, ranges, threshold)]
        if len(floats) == len(order):
            raise ValueError(
                f"Agreement {reached:.4f} is below min_agreement={min_agreement} with all blocks "
                "in float32. Use quantization='float16', or more calibration images."
            )
        floats = tuple(order[: len(floats) + 1])


def agreement(received, expected, threshold=None):
    """Share of outputs `(N, classes)` with the same largest entry; `None` of other outputs.

    With a threshold, share of those with the same entries above it.
    """
    if threshold is not None:
        return float(np.mean(((received > threshold) == (expected > threshold)).all(-1)))
    if expected.ndim != 2 or expected.shape[-1] == 1:
        return None
    return float(np.mean(received.argmax(-1) == expected.argmax(-1)))


def _calibration(network, images):
    """Images that the file takes, in the range that its metadata state."""
    litert = LiteRT(network)
    if litert.dtype != "float32":
        raise ValueError(
            f"Expected a float32 file. Received: one that takes {litert.dtype}. Export it without "
            "quantization."
        )
    return calibration_images(images, litert.shape, Contract(stated_range(network)), "images")


def blocks(network):
    """Names of the blocks of a file, and of layers outside of blocks, in the graph's order."""
    names = [
        detail["name"]
        for detail in LiteRT(network).interpreter.get_tensor_details()
        if "/" in detail["name"]
    ]
    layers = [name.split(";")[0].split("/")[1] for name in names]
    return tuple(dict.fromkeys(map(_block, layers)))


def _block(layer):
    """`stage2_block1_conv1` and keras.applications' `conv2_block1_1_conv` are parts of blocks."""
    found = re.match(r"(.*?(block|mixed)_?\d*[a-z]?)(_|$)", layer)
    return found[1] if found else layer
