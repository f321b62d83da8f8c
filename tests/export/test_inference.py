"""Artefacts compute what `model.predict` computes, or are refused in one sentence."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_senet
from keras_senet import export
from keras_senet.export.inference import check_artefact
from keras_senet.export.models import example_images
from keras_senet.export.tflite.litert import LiteRT

L = keras.layers


def stock(size=32):
    image = keras.Input((size, size, 3))
    x = L.BatchNormalization()(L.Conv2D(8, 3)(L.Rescaling(1 / 255)(image)))
    return keras.Model(image, L.GlobalAveragePooling2D()(L.ReLU()(x)), name="inner")


def classified(*layers, size=32, dtype="float32"):
    x = image = keras.Input((size, size, 3), dtype=dtype)
    for layer in layers:
        x = layer(x)
    return keras.Model(image, L.Dense(3, activation="softmax")(x))


def pixels(model):
    shape = (3, *model.input_shape[1:])
    return np.random.default_rng(0).integers(0, 256, shape).astype(model.inputs[0].dtype)


def adapted():
    layer = L.Normalization(axis=-1)
    layer.adapt(np.random.default_rng(0).uniform(0, 255, (8, 32, 32, 3)).astype("float32"))
    return classified(layer, L.Conv2D(4, 3, activation="relu"), L.GlobalAveragePooling2D())


class Forgetful(L.Layer):
    """A factor that the configuration does not hold."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def get_config(self):
        return {"name": self.name}

    def call(self, x):
        return x * self.factor


class DefaultTrue(L.Layer):
    """Acts unless it is told that this is no training."""

    def call(self, x, training=True):
        return 7 * x if training else x


MODELS = {
    "resizing": lambda: classified(L.Resizing(32, 32), stock(), size=40),
    "augmentation": lambda: classified(
        keras.Sequential([L.RandomFlip(), L.RandomRotation(0.1), L.GaussianNoise(0.5)]), stock()
    ),
    "pipeline": lambda: classified(L.Pipeline([L.MixUp(), L.Resizing(32, 32)]), stock(), size=40),
    "adapted": adapted,
    "forgetful": lambda: classified(Forgetful(0.01), stock()),
    "default": lambda: classified(DefaultTrue(), stock()),
    "uint8": lambda: classified(stock(), dtype="uint8"),
    "int32": lambda: classified(stock(), dtype="int32"),
    "bfloat16": lambda: classified(stock(), dtype="bfloat16"),
}


@pytest.mark.at_first("pipeline")
@pytest.mark.parametrize("name", MODELS)
def test_files_compute_what_predict_does(name, tmp_path):
    keras.utils.set_random_seed(0)
    model = MODELS[name]()
    images = pixels(model)
    expected = model.predict(images, verbose=0)
    runtime = LiteRT(export.to_tflite(model, tmp_path / "m.tflite"))
    taken = "float32" if name == "bfloat16" else model.inputs[0].dtype
    assert runtime.dtype == taken
    np.testing.assert_allclose(runtime(images), expected, atol=1e-4)
    served = tf.saved_model.load(str(export.to_saved_model(model, tmp_path / "served")))
    np.testing.assert_allclose(served.serve(tf.cast(images, taken)), expected, atol=1e-4)


@pytest.mark.slow
def test_pixels_of_a_uint8_model_are_whole_for_the_delegate(tmp_path):
    image = keras.Input((32, 32, 3), dtype="uint8")
    model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))(input_tensor=image)
    images = pixels(model)
    expected = model.predict(images, verbose=0)
    for quantization in (None, "int8"):
        calibration = {"calibration_images": images} if quantization else {}
        path = export.to_tflite(
            model, tmp_path / "m.tflite", quantization=quantization, overwrite=True, **calibration
        )
        report = export.verify(model, path, images)
        assert report.input["dtype"] == "uint8"
        assert report.undelegated == ()
        bound = 0.05 if quantization else 1e-4
        assert np.abs(LiteRT(path)(images) - expected).max() <= bound


@pytest.mark.slow
def test_random_outputs_and_predictions_of_ones_own_are_refused(tmp_path):
    class Halved(keras.Model):
        def predict_step(self, data):
            return super().predict_step(data) / 2

    class Called(keras.Model):
        def call(self, x):
            return super().call(x) / 2

    noise = L.Lambda(lambda x: x + 90 * keras.random.normal((1, 32, 32, 3)))
    gamma = L.Lambda(lambda x: tf.math.igamma(1 + x, 2.0))
    plain = classified(stock())
    cases = (
        (export.to_saved_model, classified(noise, stock()), "random at inference"),
        (export.to_tflite, Halved(plain.input, plain.output), "something else than model.predict"),
        (export.to_tflite, Called(plain.input, plain.output), "`call` of its own"),
        (export.to_tflite, classified(noise, stock()), "changes variables while it predicts, as"),
        (export.to_tflite, classified(gamma, stock()), "it lacks Igamma"),
    )
    for to, model, message in cases:
        with pytest.raises(ValueError, match=message) as caught:
            to(model, tmp_path / "m")
        assert len(str(caught.value)) < 600
    assert list(tmp_path.iterdir()) == []


def test_onnx_of_a_resized_network(tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    model = MODELS["resizing"]()
    session = runtime.InferenceSession(str(export.to_onnx(model, tmp_path / "m.onnx")))
    images = pixels(model)
    (received,) = session.run(None, {"image": images})
    np.testing.assert_allclose(received, model.predict(images, verbose=0), atol=1e-4)


@pytest.mark.slow
def test_networks_that_amplify_rounding_are_not_refused():
    """Weights that blow a change of one bit up to another class: file and model may differ."""
    image = keras.Input((8, 8, 3))
    x = L.Flatten()(image)
    for _ in range(3):
        x = keras.ops.sin(1e4 * L.Dense(64, kernel_initializer="ones")(x))
    model = keras.Model(image, L.Dense(2)(x))
    turned = np.random.default_rng(0).permutation(8 * 8 * 3)

    def another_order(images):
        flat = images.reshape(len(images), -1)[:, turned].reshape(images.shape)
        return {"output": model.predict(flat, verbose=0)}  # the same sums in another order

    check_artefact(model, (8, 8, 3), another_order, "file")
    with pytest.raises(ValueError, match="something else"):
        check_artefact(
            stock(), (32, 32, 3), lambda x: {"output": 1.01 * stock().predict(x)}, "file"
        )


def test_a_softmax_at_its_end_does_not_hide_rounding():
    """A class that flips when a few last bits change is rounding; one that does not is none."""
    image = keras.Input((1, 1, 1))
    model = keras.Model(image, L.GlobalAveragePooling2D()(image))
    pixel = float(example_images(model, (1, 1, 1))[0, 0, 0, 0])

    def at(distance):
        """A model that is sure of a class, and flips where the pixel grows by this share."""
        logit = L.Lambda(lambda x: 1e9 * (x[:, 0] / pixel - (1 + distance)))(image)
        return keras.Model(image, L.Activation("sigmoid")(logit))

    def flipped(model):
        return lambda images: {"output": model.predict(images, verbose=0) < 0.5}

    close, far = at(5e-6), at(5e-4)
    check_artefact(close, (1, 1, 1), flipped(close), "file")
    with pytest.raises(ValueError, match="something else"):
        check_artefact(far, (1, 1, 1), flipped(far), "file")
