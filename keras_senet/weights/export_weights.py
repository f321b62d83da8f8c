"""Our weights in timm's layout, for timm and whatever reads its files."""

import json
import pathlib

import keras
import numpy as np

from keras_senet.layers import ImageNormalization, SqueezeExcitation
from keras_senet.weights.family_layouts import MOBILENET_V3
from keras_senet.weights.layouts import LEGACY, TIMM, TIMM_POOLED


def export_weights(model, path):
    """Writes the weights of a residual network or MobileNetV3 as timm names and orders them.

    A trunk of Caffe's pooling becomes timm's `legacy_*` layout, PyTorch's the layout of
    `resnet50`, `seresnet50` and their relatives: `timm.create_model(...).load_state_dict` takes
    it with `strict=True`. The file says how pixels were normalized, in its metadata.

    Args:
        model: A `keras.Model` of this package with its classifier.
        path: Path of the `.safetensors` file, written under another name and renamed.

    Raises:
        ValueError: If timm has no such network, or `path` does not end in `.safetensors`.
        ImportError: If safetensors is not installed.

    Example:
        >>> model = keras_senet.SEResNet50(weights="timm/seresnet50.a1_in1k")  # doctest: +SKIP
        >>> export_weights(model, "seresnet50.safetensors")  # doctest: +SKIP
    """
    try:
        from safetensors.numpy import save_file
    except ImportError as error:
        raise ImportError(
            "Exporting weights needs safetensors: pip install 'keras-senet[weights]'"
        ) from error
    path = pathlib.Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"Expected a path that ends in .safetensors. Received: {path}")
    layout = _layout(model)
    tensors = {name: _as_in_torch(variable) for name, variable in layout.variables(model)}
    part = path.with_name(f"{path.name}.part")
    try:
        save_file(tensors, part, metadata={"format": "pt", **_preprocessing(model)})
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _layout(model):
    """The layout of timm for this model's trunk."""
    layers = {layer.name: layer for layer in model.layers}
    if "head" not in layers:
        raise ValueError(f"{model.name!r} has no classifier to export. Use include_top=True.")
    if "stage1_block1_conv2" in layers and "head_conv" in layers:
        return MOBILENET_V3
    if "stage2_block1_conv2" not in layers or "stem_pool" not in layers:
        raise ValueError(
            f"timm has no layout for {model.name!r}. Expected a network of ResNet or MobileNetV3."
        )
    se = any(isinstance(layer, SqueezeExcitation) for layer in model.layers)
    gates = {layer.gate for layer in model.layers if isinstance(layer, SqueezeExcitation)}
    if gates - {"sigmoid"}:
        raise ValueError(f"timm's networks have sigmoid gates. Received: {', '.join(gates)}")
    pad = layers.get("stem_pool_pad")
    if pad is None or pad.padding == ((1, 1), (1, 1)):
        if layers["stage3_block1_conv1"].strides != (1, 1) and "stage3_block1_conv3" in layers:
            raise ValueError(
                f"timm's networks of this stem have their stride in the 3x3; {model.name!r} has "
                "it in the first 1x1."
            )
        return TIMM_POOLED if "stage3_block1_shortcut_pool" in layers else TIMM
    if not se:
        raise ValueError(
            f"{model.name!r} has Caffe's stem pooling and no SE, which timm has no network for."
        )
    return LEGACY


def _as_in_torch(variable):
    value = keras.ops.convert_to_numpy(variable).astype("float32", copy=False)
    if value.ndim == 4 and value.shape[3] == 1 < value.shape[2]:
        value = value.transpose(2, 3, 0, 1)  # depthwise
    elif value.ndim == 4:
        value = value.transpose(3, 2, 0, 1)
    elif value.ndim == 2:
        value = value.T
    return np.ascontiguousarray(value)


def _preprocessing(model):
    for layer in model.layers:
        if isinstance(layer, ImageNormalization):
            std = [1 / (255 * scale) for scale in layer.scale]
            mean = [-offset * one for offset, one in zip(layer.offset, std, strict=True)]
            view = {"mean": mean, "std": std, "crop_pct": layer.crop, "size": layer.size}
            view["interpolation"] = layer.interpolation
            return {key: json.dumps(value) for key, value in view.items()}
    return {}
