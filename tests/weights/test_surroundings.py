"""What a file's model had beside our network is named: its outputs are not those of the network."""

import logging

import keras
import pytest
from keras import layers

import keras_senet

NETWORK = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
SHAPE = {"input_shape": (16, 16, 3)}


def trunk(**options):
    return NETWORK(include_top=False, pooling="avg", **{**SHAPE, **options})


def with_layer_before_the_classifier():
    base = trunk()
    x = layers.Dense(64, "relu", name="head_hidden")(base.output)
    return keras.Model(base.input, layers.Dense(4, "softmax", name="head")(x))


def with_factor_before_the_classifier():
    base = trunk()
    x = layers.Rescaling(2.0, name="twice")(base.output)
    return keras.Model(base.input, layers.Dense(4, "softmax", name="head")(x))


def with_operations_before_the_classifier():
    base = trunk()
    return keras.Model(base.input, layers.Dense(4, "softmax", name="head")(base.output * 2 + 1))


def behind_a_layer():
    image = keras.Input((16, 16, 3))
    tensor = layers.Rescaling(255.0, name="to_pixels")(image)
    return NETWORK(input_tensor=tensor, input_shape=None, classes=4)


def behind_an_operation():
    image = keras.Input((16, 16, 3))
    return NETWORK(input_tensor=image[..., ::-1], input_shape=None, classes=4)


def inside_of_another_model():
    image = keras.Input((16, 16, 3))
    inner = NETWORK(classes=4, **SHAPE)
    return keras.Model(image, inner(layers.Rescaling(255.0, name="to_pixels")(image)))


def logits():
    return NETWORK(classes=4, classifier_activation=None, **SHAPE)


def linear():
    return NETWORK(classes=4, classifier_activation="linear", **SHAPE)


def dropping():
    """With layers that change nothing outside of training."""
    network = NETWORK.replace(stochastic_depth=0.2, dropout=0.3)
    return network(classes=4, **SHAPE)


def augmented():
    image = keras.Input((16, 16, 3))
    x = layers.GaussianNoise(1.0)(layers.RandomFlip()(image))
    return keras.Model(image, NETWORK(classes=4, **SHAPE)(layers.SpatialDropout2D(0.1)(x)))


def sigmoids():
    return NETWORK(classes=4, classifier_activation="sigmoid", **SHAPE)


# What is said of the files of `model.save`, `model.save_weights` and `export_weights`.
CLASSIFIER = "classifier `head` of another make"
CASES = {
    with_layer_before_the_classifier: ("head_hidden", "head_hidden", None),
    with_factor_before_the_classifier: ("twice", "twice", None),
    with_operations_before_the_classifier: ("Multiply; Add", CLASSIFIER, CLASSIFIER),
    behind_a_layer: ("to_pixels", "to_pixels", "built on an `input_tensor`"),
    behind_an_operation: ("GetItem", "built on an `input_tensor`", "built on an `input_tensor`"),
    inside_of_another_model: ("to_pixels", "to_pixels", None),
    logits: ("ends in None", "ends in None", "ends in None"),
    sigmoids: ("ends in 'sigmoid'", "ends in 'sigmoid'", "ends in 'sigmoid'"),
}
WRITERS = {
    "x.keras": lambda model, path: model.save(path),
    "x.weights.h5": lambda model, path: model.save_weights(path),
    "x.safetensors": lambda model, path: keras_senet.export_weights(
        model, path, layout="keras_senet"
    ),
}
ROWS = [
    (make, name, said)
    for make, texts in CASES.items()
    for name, said in zip(WRITERS, texts, strict=True)
    if said is not None
]


@pytest.mark.at_first(every=4)
@pytest.mark.parametrize(("make", "name", "said"), ROWS)
def test_what_is_left_out_is_said(make, name, said, tmp_path, caplog):
    WRITERS[name](make(), tmp_path / name)
    with caplog.at_level(logging.WARNING, "keras_senet"):
        NETWORK(weights=tmp_path / name, classes=4, **SHAPE)
    assert said in caplog.text, caplog.text


@pytest.mark.at_first("x.safetensors")
@pytest.mark.parametrize("name", WRITERS)
def test_nothing_is_said_of_what_comes_back_whole(name, tmp_path, caplog):
    for make, options in [
        (NETWORK, {"classes": 4}),
        (sigmoids, {"classifier_activation": "sigmoid"}),
        (logits, {"classifier_activation": None}),
        (NETWORK, {"classifier_activation": None}),  # logits are asked for
        (linear, {"classifier_activation": "linear"}),
        (NETWORK, {"include_top": False}),
        (dropping, {"classes": 4}),
        *([] if name == "x.safetensors" else [(augmented, {"classes": 4})]),
    ]:
        model = make(classes=4, **SHAPE) if make is NETWORK else make()
        WRITERS[name](model, tmp_path / name)
        with caplog.at_level(logging.WARNING, "keras_senet"):
            NETWORK(weights=tmp_path / name, **SHAPE, **options)
        assert not caplog.records, caplog.text
        (tmp_path / name).unlink()
