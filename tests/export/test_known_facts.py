"""What exports take for a fact of a model is one: ranges, names, structures, vanishing layers."""

import warnings

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet import export
from keras_senet.export.contract import contract
from keras_senet.export.models import exportable
from keras_senet.export.tflite.litert import LiteRT
from keras_senet.export.tflite.metadata import stated_range

L = keras.layers
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (24, 16, 16, 3), "uint8").astype("float32")
RAW = (0.0, 255.0)


def reading(first, size=16):
    image = keras.Input((size, size, 3))
    return keras.Model(image, L.GlobalAveragePooling2D()(L.Conv2D(4, 3)(first(image))))


def classifier(**changes):
    keras.utils.set_random_seed(0)
    small = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
    return small(classes=3, **changes)


class Halved(L.Rescaling):
    """A user's own, which is no rescaling by its factor alone."""

    def call(self, inputs):
        return super().call(inputs) / 100


FACTORS = {
    "1/50": (L.Rescaling(1 / 50), None),
    "1/127.5 without its offset": (L.Rescaling(1 / 127.5), None),
    "1/255 and an offset": (L.Rescaling(1 / 255, -0.5), None),
    "of channels": (L.Rescaling([1 / 255, 1 / 255, 1 / 200]), None),
    "a quotient": (lambda x: x / 50, None),
    "statistics": (L.Normalization(mean=[120.0] * 3, variance=[3000.0] * 3), None),
    "a user's kind": (Halved(1 / 255), None),
    "1/255": (L.Rescaling(1 / 255), RAW),
    "1/127.5 - 1": (L.Rescaling(1 / 127.5, -1), RAW),
    "the same in two operations": (lambda x: x / 127.5 - 1, RAW),
    "of integers made floats": (lambda x: keras.ops.cast(x, "float32") / 255, RAW),
    "an offset before": (lambda x: (x + 1) * 127.5 / 255, (-1.0, 1.0)),
}


@pytest.mark.parametrize("case", FACTORS)
def test_only_the_factors_of_pixels_tell_a_range(case):
    first, extent = FACTORS[case]
    assert contract(reading(first)).input_range == extent


@pytest.mark.parametrize("quantization", ["int8", "int8_full"])
def test_a_factor_of_anything_leaves_the_range_open(quantization, tmp_path):
    model = reading(L.Rescaling(1 / 50))
    images = RNG.uniform(-300, 300, (24, 16, 16, 3)).astype("float32")
    path = tmp_path / "m.tflite"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        export.to_tflite(model, path, quantization=quantization, calibration_images=images)
    report = export.verify(model, path, images)
    assert stated_range(path.read_bytes()) is None
    assert report.largest_difference < 0.1
    if quantization == "int8":
        assert report.input["range"] is None
    else:
        assert report.input["range"] == pytest.approx([-300, 300], abs=4)


@pytest.mark.slow
def test_images_that_a_scaling_model_may_not_take_warn(tmp_path):
    statistics = L.Normalization(mean=[120.0] * 3, variance=[3000.0] * 3)
    for model in (reading(statistics), reading(L.Rescaling(1 / 50))):
        path = export.to_tflite(model, tmp_path / "m.tflite", overwrite=True)
        with pytest.warns(UserWarning, match="scales its images down"):
            export.verify(model, path, PIXELS / 255)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            export.verify(model, path, PIXELS)


VANISHING = {
    "rotation": [L.RandomRotation(0.2)],
    "noise": [L.GaussianNoise(1.0)],
    "a part": [keras.Sequential([L.RandomFlip(), L.RandomZoom(0.1)])],
    "a pipeline": [L.Pipeline([L.RandomFlip(), L.RandomContrast(0.1)])],
    "around a resize": [L.RandomFlip(), L.Resizing(32, 32), L.RandomBrightness(0.2)],
    "a crop": [L.RandomCrop(32, 32)],
}


@pytest.mark.parametrize("case", VANISHING)
def test_layers_that_vanish_are_seen_through(case):
    model = keras.Sequential([keras.Input((32, 32, 3)), *VANISHING[case], classifier()])
    assert contract(model).input_range == RAW


@pytest.mark.slow
def test_an_augmented_model_says_its_range(tmp_path):
    augmented = [L.RandomFlip(), L.Resizing(32, 32), L.RandomRotation(0.2)]
    model = keras.Sequential([keras.Input((48, 48, 3)), *augmented, classifier()])
    images = RNG.integers(0, 256, (12, 48, 48, 3)).astype("float32")
    path = export.to_tflite(model, tmp_path / "m.tflite")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = export.verify(model, path, images)
        export.sensitivity(path, images)
    assert report.input["range"] == [0.0, 255.0]


def test_what_vanishes_behind_the_output_hides_no_bound():
    model = classifier()
    noise = keras.Sequential([keras.Input((3,)), L.GaussianNoise(0.1)])
    seen = contract(keras.Model(model.inputs, noise(L.Dropout(0.5)(model.outputs[0]))))
    assert (seen.output, seen.output_range) == ("probability", (0.0, 1.0))
    pooled = keras.Sequential([keras.Input((8, 8, 3)), L.GlobalMaxPooling2D(), L.Dropout(0.5)])
    assert contract(pooled).output == "features"


def named(image, dtype="float32"):
    with_name = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            L.Rescaling(1 / 255, dtype=dtype),
            L.Conv2D(4, 3, dtype=dtype),
            L.GlobalAveragePooling2D(dtype=dtype),
            L.Dense(3, "softmax", dtype=dtype),
        ]
    )
    return {"p": with_name(image)}


HELD = {
    "a dictionary": lambda i: (i, named(i)),
    "a list": lambda i: (i, [named(i)["p"]]),
    "nested": lambda i: (i, {"a": named(i)}),
    "named images": lambda i: ({"image": i}, named(i)),
    "half precision": lambda i: (i, named(i, "mixed_bfloat16")),
}


@pytest.mark.at_first("nested")
@pytest.mark.parametrize("case", HELD)
def test_one_output_is_one_output_whatever_holds_it(case, tmp_path):
    model = keras.Model(*HELD[case](keras.Input((8, 8, 3), name="image")))
    images = RNG.integers(0, 256, (12, 8, 8, 3)).astype("float32")
    calibrated = {"quantization": "int8_full", "calibration_images": images}
    paths = [
        export.to_tflite(model, tmp_path / "m.tflite"),
        export.to_tflite(model, tmp_path / "q.tflite", **calibrated),
        export.to_saved_model(model, tmp_path / "served"),
    ]
    for path, allowed in zip(paths, (1e-5, 0.05, 1e-5), strict=True):
        report = export.verify(model, path, images)
        assert report.largest_difference < allowed
        assert report.output["meaning"] == "probability"


def test_onnx_of_a_named_output(tmp_path):
    pytest.importorskip("tf2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    model = keras.Model(*HELD["a dictionary"](keras.Input((8, 8, 3))))
    path = export.to_onnx(model, tmp_path / "m.onnx")
    images = RNG.integers(0, 256, (2, 8, 8, 3)).astype("float32")
    (received,) = onnxruntime.InferenceSession(path).run(None, {"image": images})
    assert np.allclose(received, model.predict(images, verbose=0)["p"], atol=1e-5)


def softmax(z):
    return keras.ops.softmax(z) * 50


def sigmoid(z):
    return keras.ops.sigmoid(z) * 50


def relu6(z):
    return keras.ops.relu(z)


class Softmax(L.Layer):
    """A user's own, of a name of Keras'."""

    def call(self, inputs):
        return 50 * keras.ops.softmax(inputs)


class Flatten(L.Layer):
    """A user's own, of a name of Keras'."""

    def call(self, inputs):
        return 50 * inputs


class Amplified(L.Dense):
    """A user's own, whose output is not that of its activation."""

    def call(self, inputs):
        return 50 * super().call(inputs)


class Heads(keras.Model):
    """A model with a `call` of its own, within another."""

    def call(self, inputs):
        return 50 * super().call(inputs)


def heads(index):
    """The output of a model of two."""
    x = keras.Input((4,))
    both = keras.Model(x, [L.Dense(3, "softmax")(x), L.Dense(3)(x)])
    return lambda y: both(y)[index]


def own_model(y):
    x = keras.Input((4,))
    return Heads(x, L.Dense(3, "softmax")(x))(y)


OWN = {
    "softmax": L.Dense(3, softmax),
    "sigmoid": L.Dense(3, sigmoid),
    "relu6": L.Dense(3, relu6),
    "an activation layer": L.Activation(softmax),
    "a layer called Softmax": Softmax(),
    "a layer called Flatten": lambda y: Flatten()(L.Softmax()(y)),
    "a dense layer": Amplified(3, "softmax"),
    "the other output": heads(1),
    "a nested model": own_model,
}
KERAS = {
    "a string": (L.Dense(3, "softmax"), (0.0, 1.0)),
    "Keras' function": (L.Dense(3, keras.activations.softmax), (0.0, 1.0)),
    "an operation as a function": (L.Dense(3, keras.ops.sigmoid), (0.0, 1.0)),
    "an operation": (keras.ops.hard_sigmoid, (0.0, 1.0)),
    "tanh": (keras.ops.tanh, (-1.0, 1.0)),
    "relu6": (L.Activation("relu6"), (0.0, 6.0)),
    "the first output": (heads(0), (0.0, 1.0)),
}


def ending(end):
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 16, 3))
    x = L.Conv2D(4, 3, activation="relu")(L.Rescaling(1 / 255)(image))
    return keras.Model(image, end(L.GlobalAveragePooling2D()(x)))


@pytest.mark.parametrize("case", OWN)
def test_a_name_is_no_bound(case):
    seen = contract(ending(OWN[case]))
    assert (seen.output, seen.output_range) == ("output", None)


@pytest.mark.parametrize("case", KERAS)
def test_keras_own_functions_are_bounds(case):
    end, extent = KERAS[case]
    assert contract(ending(end)).output_range == extent


def test_a_scope_may_give_a_string_another_meaning():
    with keras.saving.custom_object_scope({"softmax": softmax}):
        layer = L.Dense.from_config({**L.Dense(3).get_config(), "activation": "softmax"})
    extent = None if layer.activation is softmax else (0.0, 1.0)
    assert contract(ending(layer)).output_range == extent


def test_int8_full_of_a_users_softmax_keeps_its_range(tmp_path):
    model = ending(L.Dense(3, softmax))
    path = export.to_tflite(
        model, tmp_path / "m.tflite", quantization="int8_full", calibration_images=PIXELS
    )
    report = export.verify(model, path, PIXELS)
    assert report.largest_difference < 1
    assert report.output["meaning"] == "output"


def test_copies_keep_a_users_function_of_a_name_of_keras():
    model = ending(L.Dense(3, softmax, dtype="mixed_bfloat16"))
    expected = model.predict(PIXELS, verbose=0)
    assert np.allclose(exportable(model).predict(PIXELS, verbose=0), expected, rtol=0.05)
    assert np.allclose(export.fold(model).predict(PIXELS, verbose=0), expected, rtol=1e-3)


def unsure(classes=1000, factor=1.0):
    model = ending(L.Dense(classes, "softmax"))
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([factor * kernel, bias])
    return model


# Of many colours, so that there is something to tell apart.
COLOURS = np.clip(RNG.uniform(0, 255, (60, 1, 1, 3)) + PIXELS[:1] / 4 - 32, 0, 255)


def full(model, path, **options):
    images = COLOURS.astype("float32")
    return export.to_tflite(
        model, path, quantization="int8_full", calibration_images=images, **options
    )


@pytest.mark.slow
def test_unsure_probabilities_take_steps_of_their_size(tmp_path):
    model = unsure(factor=10.0)
    largest = float(model.predict(COLOURS, verbose=0).max())
    assert largest < 0.25
    path = full(model, tmp_path / "m.tflite")
    scale, zero = LiteRT(path).output["quantization"]
    assert zero == 0
    assert scale == pytest.approx(2 * largest / 255, rel=0.1)
    assert export.verify(model, path, COLOURS).top1_agreement >= 0.7
    sure = full(unsure(factor=1000.0), tmp_path / "s.tflite")
    assert LiteRT(sure).output["quantization"] == (1 / 256, 0)


def test_low_agreement_is_said(tmp_path):
    alike = unsure(factor=1e-3)
    with pytest.warns(UserWarning, match="names what the model names for"):
        full(alike, tmp_path / "m.tflite")
    with pytest.raises(ValueError, match=r"min_agreement=0\.9"):
        full(alike, tmp_path / "n.tflite", min_agreement=0.9)
    assert not (tmp_path / "n.tflite").exists()
