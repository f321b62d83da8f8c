"""The folder of a page: the network, what the page must know of it, its runtime and itself."""

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Iterable, Sequence

import keras
import numpy as np

from keras_senet.data import Dataset, View
from keras_senet.export.contract import contract, label_threshold
from keras_senet.export.models import exportable, image_dtype, image_shape
from keras_senet.export.tflite.arguments import labels_of
from keras_senet.export.tflite.litert import LiteRT, end
from keras_senet.export.tflite_file import to_tflite
from keras_senet.export.web.litert_js import PACKAGES, archives, unpack
from keras_senet.extras import check_installed
from keras_senet.files import replacing
from keras_senet.surgery.image_range import PIXELS, described
from keras_senet.weights.named_classes import numbered

PAGE = pathlib.Path(__file__).with_name("page")
NETWORK = "model.tflite"
CONTRACT = "contract.json"
RUNTIME = "litert"
DTYPES = ("float32", "int32", "uint8")  # that LiteRT.js takes


def to_web(
    model: keras.Model,
    path: str | os.PathLike,
    *,
    quantization: str | None = None,
    calibration_images: Dataset | np.ndarray | Iterable | None = None,
    min_agreement: float | None = None,
    labels: Sequence[str] | None = None,
    input_size: int | None = None,
    group_width: int = 16,
    runtime: str | os.PathLike | None = None,
    overwrite: bool = False,
) -> pathlib.Path:
    """Writes a folder that any static web server delivers: a page that classifies pictures.

    The page takes a chosen, dropped or pasted picture, or the camera, and shows names, scores and
    milliseconds. It sees pictures as `load_image` does (Pillow 13's pixels) and computes in the
    browser, by LiteRT.js in WebAssembly, what LiteRT computes from the same file. It sends nothing
    anywhere and loads nothing from elsewhere. The folder has the network, `model.tflite`; what the
    page must know of it, `contract.json`; the runtime, in `litert/`; and the page, `index.html`.

    Args:
        model: A built functional `keras.Model` of this package with its classifier: one output of K
            classes, and a preprocessing layer that records the view of an image.
        path: The folder to create; its parent must exist.
        quantization: As of `to_tflite`.
        calibration_images: As of `to_tflite`.
        min_agreement: As of `to_tflite`.
        labels: Name of every class; `None`: those that the model records, otherwise `"class 0"`
            and so on, and `"score"` of a network with one.
        input_size: Height and width in pixels for a model that leaves them open.
        group_width: As of `to_tflite`.
        runtime: A folder with the archives of LiteRT.js, as `npm pack @litertjs/core@2.5.3
            @litertjs/wasm-utils@2.5.3` writes them. `None`: they are fetched from npm's registry,
            once (`NPM_CONFIG_REGISTRY`, `KERAS_HOME`).
        overwrite: Whether to replace what is there.

    Returns:
        The path, a `pathlib.Path`.

    Raises:
        FileExistsError, FileNotFoundError, PermissionError: See `path` and `overwrite`.
        TypeError, ValueError: If an argument is none of these, the model is not one that a page can
            classify with, LiteRT.js cannot be fetched or was changed, or as of `to_tflite`.
        ImportError: If a package of the extra `export` is missing.

    Example:
        >>> model = keras_senet.SEResNet20(weights="keras_senet/se_resnet20.cifar10")
        >>> path = to_web(model, "page")  # doctest: +SKIP
    """
    check_installed("ai_edge_litert", "export", "TFLite")
    model = exportable(model)
    view = _checked_view(model, input_size)
    names = labels_of(labels, model)
    with replacing(path, overwrite, CONTRACT) as partial:
        found = archives(runtime)
        partial.mkdir()
        to_tflite(
            model,
            partial / NETWORK,
            quantization=quantization,
            calibration_images=calibration_images,
            min_agreement=min_agreement,
            labels=names,
            input_size=input_size,
            group_width=group_width,
        )
        known = _contract(model, partial / NETWORK, view, names, quantization)
        (partial / CONTRACT).write_text(json.dumps(known, indent=2) + "\n", "utf-8")
        unpack(found, partial / RUNTIME)
        for file in PAGE.iterdir():
            (partial / file.name).write_bytes(file.read_bytes())
        (partial / "NOTICE.txt").write_text(_notice(), "utf-8")
    return pathlib.Path(path)


def _checked_view(model, input_size):
    """The view of a model that a page can classify with."""
    outputs, known = model.outputs, contract(model)
    is_classifier = len(outputs) == 1 and len(outputs[0].shape) == 2
    if not is_classifier or known.output == "features":
        shapes = ", ".join(str(tuple(one.shape)) for one in outputs)
        raise ValueError(
            "A page shows scores of classes, one output (N, classes) of a classifier. "
            f"{model.name!r} returns {shapes}. Export it with to_tflite."
        )
    *_, channels = image_shape(model, input_size)
    if channels not in (1, 3):
        raise ValueError(
            f"Pictures are RGB or grey. {model.name!r} takes images of {channels} channels. Export "
            "it with to_tflite."
        )
    view = View.of(model, input_size)
    if view is None:
        raise ValueError(
            f"{model.name!r} has no preprocessing layer of keras_senet, and so does not say which "
            "part of a picture it takes. Build it with include_preprocessing=True."
        )
    if known.input_range != PIXELS or image_dtype(model) not in DTYPES:
        raise ValueError(
            f"A page gives a network pixels in 0..255, {', '.join(DTYPES)}. {model.name!r} takes "
            f"{image_dtype(model)} in {described(known.input_range)}. Build it on a float32 image "
            "that its preprocessing layer reads."
        )
    return view


def _contract(model, network, view, names, quantization):
    """What the page must know: contents of contract.json."""
    content = network.read_bytes()
    litert, threshold = LiteRT(network), label_threshold(model)
    classes = model.outputs[0].shape[-1]
    return {
        "title": model.name,
        "network": NETWORK,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "quantization": quantization or "float32",
        "image": end(litert.image),
        "view": {**dataclasses.asdict(view), "size": list(view.sides)},
        "output": {**end(litert.output), "meaning": contract(model).output},
        "classes": list(names or numbered(classes)),
        "multi_label": threshold is not None,
        "threshold": threshold,
    }


def _notice():
    packages = "".join(f"- {one.package} {one.version}, by Google LLC\n" for one in PACKAGES)
    return (
        "The page is part of keras_senet, by the keras_senet authors. The folder litert/ has files "
        f"of these packages of npm, unchanged:\n\n{packages}\n"
        "All are under the Apache License, Version 2.0, see LICENSE.txt. The licence of the "
        f"network in {NETWORK} is that of its weights.\n"
    )
