"""The same random weights give the outputs of keras.applications."""

import re

import keras
import numpy as np
import pytest
from golden.random_tensors import image

import keras_senet

TENSORFLOW = {"padding": "same", "activation": "relu6", "epsilon": 1e-3}  # backbone of MobileNet v1
ARGUMENTS = {"weights": None, "classifier_activation": None}


def randomized(model):
    """The model with weights that make every part matter, statistics included."""
    rng = np.random.default_rng(0)
    values = []
    for weight in model.weights:
        if "gamma" in weight.path or "variance" in weight.path:
            # Weak ends of branches keep sums and gates where float32 is exact to 1e-6.
            weak = 0.3 if "project_bn/gamma" in weight.path else 1
            values.append(weak * rng.uniform(0.5, 1.5, weight.shape))
        elif len(weight.shape) < 2:
            values.append(rng.normal(0, 0.1, weight.shape))
        else:
            depthwise = "depthwise" in weight.path or "conv_dw" in weight.path
            fan_in = np.prod(weight.shape[:2] if depthwise else weight.shape[:-1])
            values.append(rng.normal(0, np.sqrt(2 / fan_in), weight.shape))
    model.set_weights(values)
    return model


def copied(theirs, ours, name_of):
    """Our model with their weights, layer by layer; `name_of` gives the name of theirs."""
    taken = set()
    for layer in ours.layers:
        if isinstance(layer, keras_senet.layers.SqueezeExcitation):
            sources = [name_of(layer.name + part) for part in ("_reduce", "_expand")]
        elif layer.weights:
            sources = [name_of(layer.name)]
        else:
            continue
        values = [w for source in sources for w in theirs.get_layer(source).get_weights()]
        shaped = [v.reshape(w.shape) for v, w in zip(values, layer.get_weights(), strict=True)]
        layer.set_weights(shaped)
        taken.update(sources)
    assert taken == {layer.name for layer in theirs.layers if layer.weights}
    return ours


def assert_equal_outputs(theirs, ours, size, rescaled):
    pixels = image(size)
    x = pixels if rescaled else pixels / 127.5 - 1
    expected = keras.ops.convert_to_numpy(theirs(x)).reshape(-1)
    output = keras.ops.convert_to_numpy(ours(pixels)).reshape(-1)
    error = np.abs(output - expected).max() / np.abs(expected).max()
    print(theirs.name, error)
    assert error <= 1e-5


def mobilenet_name(name):
    """conv_dw_2_bn of stage2_block1_conv1_bn, for example."""
    found = re.fullmatch(r"stage(\d)_block(\d+)_conv(\d)(_bn)?", name)
    if not found:
        return {"stem_conv": "conv1", "stem_conv_bn": "conv1_bn", "head": "conv_preds"}[name]
    stage, block, conv, norm = found.groups()
    number = sum(len(row) for row in keras_senet.architectures.mobilenet.FILTERS[: int(stage) - 1])
    return f"conv_{ {'1': 'dw', '2': 'pw'}[conv] }_{number + int(block)}{norm or ''}"


@pytest.mark.at_first("0.25")
@pytest.mark.parametrize("alpha", [0.25, 1.0])
def test_mobilenet(alpha):
    size = 64 if alpha < 1 else 224
    theirs = keras.applications.MobileNet((size, size, 3), alpha=alpha, **ARGUMENTS)
    network = keras_senet.MobileNet.replace(
        alpha=alpha, preprocessing=keras_senet.weights.INCEPTION, **TENSORFLOW
    )
    ours = network(input_shape=(size, size, 3), classifier_activation=None)
    assert_equal_outputs(
        randomized(theirs), copied(theirs, ours, mobilenet_name), size, rescaled=False
    )


def mobilenet_v3_name(network):
    def name_of(name):
        found = re.fullmatch(r"stage(\d)_block(\d)_(conv(\d)?|se)(_bn|_reduce|_expand)?", name)
        if not found:
            return {
                "stem_conv": "conv",
                "stem_conv_bn": "conv_bn",
                "head_conv": "conv_2",
                "head": "logits",
            }[name]
        stage, block, layer, conv, suffix = found.groups()
        if layer == "conv":
            return f"conv_1{suffix or ''}"
        number = sum(network.depths[: int(stage) - 1]) + int(block) - 1
        prefix = f"expanded_conv_{number}_" if number else "expanded_conv_"
        if layer == "se":
            return f"{prefix}squeeze_excite_conv{'_1' if suffix == '_expand' else ''}"
        return prefix + ("expand", "depthwise", "project")[int(conv) - 1] + (suffix or "")

    return name_of


V3 = [
    ("MobileNetV3Small", keras_senet.MobileNetV3Small, {}, 64),
    ("MobileNetV3Small", keras_senet.MobileNetV3SmallMinimalistic, {"minimalistic": True}, 65),
    ("MobileNetV3Small", keras_senet.MobileNetV3Small.replace(alpha=0.75), {"alpha": 0.75}, 65),
    ("MobileNetV3Small", keras_senet.MobileNetV3Small.replace(alpha=1.5), {"alpha": 1.5}, 64),
    ("MobileNetV3Large", keras_senet.MobileNetV3Large, {}, 65),
    ("MobileNetV3Large", keras_senet.MobileNetV3LargeMinimalistic, {"minimalistic": True}, 64),
]


@pytest.mark.at_first(every=6)
@pytest.mark.parametrize(("name", "network", "arguments", "size"), V3)
def test_mobilenet_v3(name, network, arguments, size):
    theirs = getattr(keras.applications, name)((size, size, 3), **arguments, **ARGUMENTS)
    ours = network(input_shape=(size, size, 3), classifier_activation=None)
    copied(randomized(theirs), ours, mobilenet_v3_name(network))
    assert_equal_outputs(theirs, ours, size, rescaled=True)


def inception_resnet_names(theirs, ours):
    """Their convolutions are numbered in the order of their code, which is that of our names."""
    numbers = r"(?:conv2d|batch_normalization)(?:_(\d+))?"
    counted = {
        kind: sorted(
            (layer.name for layer in theirs.layers if re.fullmatch(rf"{kind}(_\d+)?", layer.name)),
            key=lambda name: int(re.fullmatch(numbers, name)[1] or 0),
        )
        for kind in ("conv2d", "batch_normalization")
    }

    def order(name):
        stage, block = re.match(r"(stem|stage\d)_(mixed|block\d+)?", name).groups()
        digits = re.findall(r"(\d+)", block or "")
        return (stage.replace("stem", "stage1"), int(digits[0]) if digits else 0, name)

    convolutions = sorted(
        (x.name for x in ours.layers if re.match(r"(stem|stage).*_conv\d$", x.name)), key=order
    )
    names = {"last_conv": "conv_7b", "last_conv_bn": "conv_7b_bn", "head": "predictions"}
    for conv, theirs_conv, theirs_norm in zip(convolutions, *counted.values(), strict=True):
        names[conv], names[f"{conv}_bn"] = theirs_conv, theirs_norm
    kinds = {"3": "block35", "4": "block17", "5": "block8"}
    for layer in ours.layers:
        found = re.fullmatch(r"stage(\d)_block(\d+)_conv", layer.name)
        if found:
            names[layer.name] = f"{kinds[found[1]]}_{found[2]}_conv"
    return names.__getitem__


@pytest.mark.slow
@pytest.mark.parametrize("size", [139, 299])
def test_inception_resnet_v2(size):
    theirs = keras.applications.InceptionResNetV2(input_shape=(size, size, 3), **ARGUMENTS)
    ours = keras_senet.InceptionResNetV2(input_shape=(size, size, 3), classifier_activation=None)
    copied(randomized(theirs), ours, inception_resnet_names(theirs, ours))
    assert_equal_outputs(theirs, ours, size, rescaled=False)
