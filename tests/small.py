"""Every public network, made shallow: the same kinds of blocks, in seconds."""

import dataclasses

import keras

import keras_senet

DEPTHS = {
    "ResNet": (1, 1, 1, 1),
    "CifarResNet": (1, 1, 1),
    "InceptionResNet": (1, 1, 2),  # stage 5 ends in a unit of its own kind
    "ShuffleNetV1": (2, 2, 2),
    "ShuffleNetV2": (2, 2, 2),
    "VGG": (1, 1, 1, 1, 1),
}


def variants(family=None):
    """Names and values of all public networks, or those of one class."""
    values = {name: getattr(keras_senet, name) for name in keras_senet.__all__}
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, family or keras_senet.Architecture)
    }


def shallow(network):
    """The network with one block, or as many as it has kinds, in each stage."""
    kind = type(network).__name__
    if kind in DEPTHS:
        return network.replace(depths=DEPTHS[kind])
    if kind == "Inception":
        first, *others = network.modules
        return network.replace(modules=(first[:1], *(row[:2] for row in others)))
    if kind == "MobileNetV3":
        rows = (dataclasses.replace(row, expansions=row.expansions[:2]) for row in network.stages)
        return network.replace(stages=tuple(rows))
    if kind == "EfficientNet":
        rows = (dataclasses.replace(row, depth=min(2, row.depth)) for row in network.stages)
        narrow = {"width": 0.25, "depth": 1.0, "head_width": 320, "dropout": 0.2}
        return network.replace(stages=tuple(rows), **narrow)
    if kind == "RegNet":  # units of 24, 48, 64 and 96 channels
        return network.replace(w0=24, wa=24.0, wm=1.4, depth=4, group=8, round_limit=0.0)
    return network.replace(alpha=0.25)  # MobileNet v1, whose depth is not a field


def distinct():
    """Names of the public networks of which no earlier one has the same layers when made shallow.

    SEResNet50, SEResNet101 and SEResNet152, say, are one network then; ShuffleNets of several
    groups, those of the second version, and TinyNets differ in widths and depths only.
    """
    first = {}
    for name, value in variants().items():
        first.setdefault(repr(_of_one_width(shallow(value))), name)
    return tuple(first.values())


def _of_one_width(network):
    if isinstance(network, keras_senet.architectures.ShuffleNetV1) and network.groups > 1:
        network = network.replace(groups=3)
    if isinstance(network, keras_senet.architectures.ShuffleNetV2):
        network = network.replace(filters=keras_senet.ShuffleNetV2x05.filters)
    if network.name.startswith("tinynet"):
        network = network.replace(stages=shallow(keras_senet.TinyNetA).stages)
    return network.replace(name="shallow", input_size=224)


def size(network):
    """Pixels of a small image that the network can take."""
    if isinstance(network, keras_senet.InceptionResNet):
        return 75
    return 32 if isinstance(network, (keras_senet.CifarResNet, keras_senet.VGG)) else 64


def shape(network):
    """Shape of such an image."""
    return (size(network), size(network), 3)


def gates(model):
    """The SE blocks of a model."""
    return [x for x in model.layers if isinstance(x, keras_senet.layers.SqueezeExcitation)]


# A network of each kind of unit: those of golden/layer_names.json.
KINDS = {
    "resnet": shallow(keras_senet.SEResNet50),
    "resnext": shallow(keras_senet.SEResNeXt50),
    "senet154": shallow(keras_senet.SENet154),
    "basic": shallow(keras_senet.SEResNet18),
    "resnet_d": shallow(keras_senet.SEResNet50).replace(
        stem=(32, 32, 64), shortcut="pool", stride_in="3x3"
    ),
    "cifar": shallow(keras_senet.SEResNet20),
    "cifar_bottleneck": shallow(keras_senet.SEResNet164),
    "wide": shallow(keras_senet.SEWideResNet16x8).replace(widen=2),
    "bn_inception": shallow(keras_senet.SEBNInception),
    "inception_resnet": shallow(keras_senet.SEInceptionResNetV2),
    "vgg": shallow(keras_senet.SEVGG16),
    "mobilenet": shallow(keras_senet.SEMobileNet),
    "mobilenet_v3": shallow(keras_senet.MobileNetV3Large),
    "shufflenet": shallow(keras_senet.SEShuffleNet),
    "shufflenet_v2": shallow(keras_senet.SEShuffleNetV2x05),
    "preresnet": shallow(keras_senet.SEPreResNet20),
    "preresnet_bottleneck": shallow(keras_senet.SEPreResNet164),
    "regnet": shallow(keras_senet.RegNetY002),
    "resnet_rs": shallow(keras_senet.ResNetRS50),
    "efficientnet": shallow(keras_senet.EfficientNetB0),
    "efficientnet_v2": shallow(keras_senet.EfficientNetV2S),
}

# What is Keras' code alone is the same on every backend, and compiling takes minutes on JAX: there
# one network for each kind of operation. Outputs of all are compared on every backend, see
# tests/weights/test_reference_outputs.py.
FEW = (
    "resnext", "bn_inception", "mobilenet_v3", "shufflenet_v2", "preresnet", "regnet",
    "efficientnet_v2",
)  # fmt: skip
KINDS_HERE = KINDS if keras.backend.backend() == "tensorflow" else {k: KINDS[k] for k in FEW}
