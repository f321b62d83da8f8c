"""The networks that are compared, and their files in every format."""

import pathlib

import keras
import numpy as np
from untrained import calibrated, crops, size_of

import keras_senet
from keras_senet import export

# One of each family with gates or another attention, small ones; the second number is pixels.
NETWORKS = (
    "SEResNet50",
    "MobileNetV3Large",
    "SEShuffleNet",
    "SEMobileNet",
    "RegNetY002",
    "ResNetRS50",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "MnasNetA1",
    "ECAResNet26",
    "SEResNet20",
)
TRAINED = {"SEResNet20": "keras_senet/se_resnet20.cifar10"}
# With random weights this one amplifies rounding to whole outputs on noise, which exports are
# checked with, unless its residual branches begin small.
BRANCHES = {"EfficientNetB0": 0.2}
KNOWN = 32  # images to calibrate with


def model_of(name, size=None, plain=False, known=KNOWN):
    """A network, and `known` images to calibrate with.

    Weights are random, normalizations have the statistics of photographs, and the scales of the
    classes differ; the network of CIFAR-10 is the trained one.
    """
    network = getattr(keras_senet, name)
    if plain:
        network = network.replace(se=None)
    known = crops(known, size or size_of(network), seed=0)
    if name in TRAINED and not plain:
        return network(weights=TRAINED[name]), known
    model = calibrated(network, known, branch=BRANCHES.get(name, 1.0))
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel * np.geomspace(0.5, 2, len(bias)), bias])
    return model, known


def files(model, known, folder, quantizations=export.QUANTIZATIONS):
    """Paths of the model's files by the names of their formats."""
    found = {}
    for quantization in quantizations:
        name = quantization or "float32"
        found[name] = export.to_tflite(
            model,
            pathlib.Path(folder) / f"{name}.tflite",
            quantization=quantization,
            calibration_images=known if name.startswith("int8") else None,
        )
    keras.backend.clear_session()
    return found
