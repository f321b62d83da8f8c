"""Weights files of keras.applications, with PyTorch's names of variables and order of axes."""

import re

import numpy as np

from keras_senet.weights.kernels import as_in_torch
from keras_senet.weights.preprocessing import IMAGENET
from keras_senet.weights.readers.hdf5 import read_datasets

KINDS = {
    "kernel": "weight",
    "depthwise_kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "bias": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
    # VGG16's file is older than these names.
    "W_1": "weight",
    "b_1": "bias",
}
PIXELS = ("mean", "variance", "count")  # of Keras' Normalization
HEADS = ("conv_preds", "logits")  # classifiers that are 1x1 convolutions
WINDOWS = {"fc1": 7, "fc2": 1}  # VGG16's fully connected layers, which are convolutions of ours
RESNET_EPSILON = 1.001e-5  # of its normalizations; ours have 1e-5
EPSILON = 1e-5


def read_applications_h5(path):
    """Reads the weights of a model of keras.applications, with its classifier.

    Our convolutions have no bias and our normalizations an epsilon of 1e-5: the file's biases and
    its other epsilon are folded into the moving means and variances.

    Args:
        path: Path of a file such as `resnet50_weights_tf_dim_ordering_tf_kernels.h5`.

    Returns:
        A dict from `"<layer>.weight"` and so on to arrays, as PyTorch would name and order them.

    Raises:
        ValueError: If it is not such a file; see `read_datasets`.
    """
    tensors = {}
    arrays = {_layer_and_kind(name): value for name, value in read_datasets(path).items()}
    _take_out_normalization(arrays, path)
    for (layer, kind), value in arrays.items():
        if kind not in KINDS:
            raise ValueError(
                f"{path} has {kind!r} of {layer!r}. Expected arrays of keras.applications, such as "
                "'conv1_conv/kernel:0'."
            )
        tensors[f"{_numbered_unit(layer)}.{KINDS[kind]}"] = as_in_torch(_reshaped(layer, value))
    tensors = _numbered_from_0(tensors)
    if "conv1_conv.bias" in tensors:
        _fold_resnet(tensors, path)
    if "block1_conv1.bias" in tensors:
        _normalize_vgg(tensors)
    return tensors


def _layer_and_kind(name):
    """("conv1_bn", "gamma") of "conv1/BatchNorm/conv1/BatchNorm/gamma:0", for example."""
    *groups, last = name.removeprefix("model_weights/").split("/")
    half = len(groups) // 2
    # The group of the layer, and the layer's name once more as a part of its array's.
    if groups[:half] == groups[half:]:
        groups = groups[:half]
    layer = "/".join(groups).lower().replace("/batchnorm", "_bn").replace("/", "_")
    return layer, last.removesuffix(":0").removeprefix(f"{layer}_")


def _numbered_unit(layer):
    """`block2_1_dwconv` of EfficientNet's `block2a_dwconv`; other names as they are."""
    return re.sub(
        r"^(block\d)([a-z])(_.+)$",
        lambda match: f"{match[1]}_{ord(match[2]) - ord('a') + 1}{match[3]}",
        layer,
    )


def _take_out_normalization(arrays, path):
    """Takes out the statistics of pixels that EfficientNet's files have, which must be ImageNet's.

    The published files have deviations where Keras' layer expects variances; the network of
    keras.applications that reads them divides by their root once more. Files of networks that were
    built without weights and got the statistics later have variances.
    """
    found = {kind: arrays.pop((layer, kind)) for layer, kind in list(arrays) if kind in PIXELS}
    if not found:
        return
    std = np.array(IMAGENET.std)
    known = found.keys() >= {"mean", "variance"} and np.allclose(
        found["mean"].ravel(), IMAGENET.mean, atol=1e-4
    )
    spread = found.get("variance", std).ravel()
    if not known or not any(np.allclose(spread, one, atol=1e-4) for one in (std, std**2)):
        raise ValueError(
            f"{path} normalizes pixels by statistics of its own: "
            f"{ {kind: value.ravel().tolist() for kind, value in found.items()} }. Expected those "
            f"of ImageNet, mean {IMAGENET.mean} of pixels in 0..1, and as variance their deviation "
            f"{IMAGENET.std} or its square."
        )


def _reshaped(layer, value):
    """Classifiers as matrices, VGG16's fully connected layers as kernels."""
    if layer in WINDOWS and value.ndim == 2:
        window = WINDOWS[layer]
        return value.reshape(window, window, -1, value.shape[1])
    if layer in HEADS and value.ndim == 4:
        return value.reshape(value.shape[2:])
    return value


def _numbered_from_0(tensors):
    """Numbers of Inception-ResNet's layers, counted from 0.

    Keras numbers the layers of a class through a whole program: those in the file begin at the
    number of layers that the program had made before.
    """
    numbered = re.compile(r"(conv2d|batch_normalization)(?:_(\d+))?\.(\w+)")
    found = {name: match for name in tensors if (match := numbered.fullmatch(name))}
    ranks = {}
    for kind in ("conv2d", "batch_normalization"):
        numbers = sorted({int(match[2] or 0) for match in found.values() if match[1] == kind})
        ranks[kind] = {number: rank for rank, number in enumerate(numbers)}

    def renamed(name):
        match = found.get(name)
        return match and f"{match[1]}_{ranks[match[1]][int(match[2] or 0)]}.{match[3]}"

    return {renamed(name) or name: value for name, value in tensors.items()}


def _fold_resnet(tensors, path):
    """Folds the biases of convolutions into the means that follow, and epsilon into the variances.

    `gamma (x + b - mean) / sqrt(var + 1.001e-5) + beta` is ours with `mean - b` and `var + 1e-8`.
    """
    for name in [name for name in tensors if name.endswith("_conv.bias")]:
        norm = name.removesuffix("_conv.bias") + "_bn"
        statistics = [tensors.get(f"{norm}.{kind}") for kind in ("running_mean", "running_var")]
        if any(value is None for value in statistics):
            raise ValueError(f"{path} has a convolution without its normalization {norm!r}.")
        mean, variance = (value.astype("float64") for value in statistics)
        tensors[f"{norm}.running_mean"] = mean - tensors.pop(name)
        tensors[f"{norm}.running_var"] = variance + (RESNET_EPSILON - EPSILON)


def _normalize_vgg(tensors):
    """Adds the normalizations that VGG16 lacks: identities, with its biases as beta."""
    for name in [name for name in tensors if re.fullmatch(r"block\d_conv\d\.bias", name)]:
        norm, bias = name.removesuffix(".bias") + "_bn", tensors.pop(name)
        ones = np.ones_like(bias)
        tensors[f"{norm}.weight"], tensors[f"{norm}.bias"] = ones, bias
        tensors[f"{norm}.running_mean"] = np.zeros_like(bias)
        tensors[f"{norm}.running_var"] = ones - np.float32(EPSILON)
