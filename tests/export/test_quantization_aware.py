"""Networks that train with the rounding of their int8 file, beside that file."""

import keras
import numpy as np
import pytest
import small

import keras_senet
from keras_senet import export
from keras_senet.data import View
from keras_senet.export.contract import contract
from keras_senet.export.tflite.flatbuffer import parsed
from keras_senet.export.tflite.litert import LiteRT
from keras_senet.layers import FakeQuantize, QuantizedConv2D, QuantizedDepthwiseConv2D

RNG = np.random.default_rng(0)
FAMILIES = ("SEResNet18", "SEResNeXt26", "MobileNetV3Small", "SEShuffleNetV2x05", "ECAResNet26")


def photographs(size, count=16):
    """Smooth images of whole numbers, which int8 holds without rounding."""
    low = RNG.integers(0, 256, (count, 4, 4, 3)).astype("float32")
    return np.rint(np.clip(keras.ops.image.resize(low, (size, size)), 0, 255))


def built(name, **arguments):
    value = small.shallow(getattr(keras_senet, name))
    return value(weights=None, input_shape=(32, 32, 3), classes=4, **arguments)


def written(model, path, images):
    return export.to_tflite(
        model, path, quantization="int8", calibration_images=images, overwrite=True
    )


@pytest.fixture(scope="module", params=FAMILIES)
def family(request, tmp_path_factory):
    """A network, its twin that trains for int8, images, and the int8 files of both."""
    keras.utils.set_random_seed(0)
    model, images = built(request.param, classifier_activation=None), photographs(32)
    aware = export.quantization_aware(model, images)
    folder = tmp_path_factory.mktemp(request.param)
    paths = [written(one, folder / f"{n}.tflite", images) for n, one in enumerate((model, aware))]
    return model, aware, images, paths


@pytest.mark.filterwarnings("ignore:The quantized file names")
def test_the_file_is_the_same_and_computes_what_the_model_does(family):
    _, aware, images, paths = family
    before, after = (LiteRT(path) for path in paths)
    np.testing.assert_allclose(after(images), before(images), atol=1e-5)
    # The last integers stand for the logits.
    scale, _ = end_of(aware)
    received, expected = after(images), aware.predict(images, verbose=0)
    assert np.abs(received - expected).max() <= 3.01 * scale
    assert np.abs(received - expected).mean() < 0.5 * scale


def end_of(aware):
    """Scale and zero point of the logits."""
    return [layer for layer in aware.layers if isinstance(layer, FakeQuantize)][-1].code()


def test_a_saved_model_goes_on(family, tmp_path):
    _, aware, images, paths = family
    aware.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again(images), aware(images))
    np.testing.assert_array_equal(
        LiteRT(written(again, tmp_path / "m.tflite", images))(images), LiteRT(paths[1])(images)
    )


def test_training_moves_kernels_and_ranges_and_the_file_follows(family, tmp_path):
    model, _, images, _ = family
    aware = export.quantization_aware(model, images)
    labels = np.arange(len(images)) % 4
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    aware.compile(keras.optimizers.SGD(1e-3, global_clipnorm=1.0), loss)
    before = aware.get_weights()
    first = aware.evaluate(images, labels, verbose=0)
    aware.fit(images, labels, epochs=8, batch_size=len(images), verbose=0)
    assert aware.evaluate(images, labels, verbose=0) < first
    moved = {
        weight.path.split("/")[-1]
        for weight, old in zip(aware.weights, before, strict=True)
        if np.any(np.asarray(weight) != old)
    }
    assert {"kernel", "bias"} <= moved and moved & {"low", "high"}
    scale, _ = end_of(aware)
    path = written(aware, tmp_path / "m.tflite", images)
    difference = np.abs(LiteRT(path)(images) - aware.predict(images, verbose=0))
    assert difference.max() <= 3.01 * scale


@pytest.fixture(scope="module")
def digits():
    return keras_senet.data.load("digits")


@pytest.fixture(scope="module")
def tiny():
    keras.utils.set_random_seed(0)
    return keras_senet.SEResNet20.replace(depths=(1, 1, 1))(input_shape=(32, 32, 3), classes=4)


@pytest.fixture(scope="module")
def aware(tiny):
    return export.quantization_aware(tiny, photographs(32))


def test_ranges_are_those_of_the_file(aware, tmp_path):
    """A range that training might have found is in the file, as scale and zero point."""
    model = keras.models.clone_model(aware)
    model.set_weights(aware.get_weights())
    layer = model.get_layer("stage2_block1_range")
    layer.high.assign(12.75)
    layer.low.assign(0.0)
    network = parsed(written(model, tmp_path / "m.tflite", photographs(32)).read_bytes())
    tensors = {tensor.name.decode(): tensor for tensor in network.subgraphs[0].tensors}
    code = tensors[f"{model.name}/stage2_block1/ADD"].quantization
    assert float(code.scale[0]) == pytest.approx(12.75 / 255)
    assert int(code.zeroPoint[0]) == -128


def test_kernels_are_rounded_within_the_gates_too(tiny, aware):
    kinds = {layer.name: type(layer) for layer in aware.layers}
    for layer in tiny.layers:
        if isinstance(layer, keras_senet.layers.Conv2D):
            assert kinds[layer.name] is QuantizedConv2D
    for part in ("reduce", "expand"):
        assert kinds[f"stage2_block1_se_{part}"] is QuantizedConv2D
    assert keras_senet.layers.BatchNormalization not in kinds.values()
    mobile = export.quantization_aware(built("MobileNetV3Small"), photographs(32))
    assert any(isinstance(layer, QuantizedDepthwiseConv2D) for layer in mobile.layers)


def test_what_is_known_of_the_network_stays(tiny, aware):
    assert contract(aware) == contract(tiny)
    assert View.of(aware) == View.of(tiny)
    assert aware.name == tiny.name
    assert aware.get_layer("image_range").code() == (1.0, -128)  # pixels lose nothing
    assert not aware.get_layer("image_range").trainable_weights


def test_frozen_layers_stay_frozen():
    model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))(input_shape=(32, 32, 3), classes=4)
    for layer in model.layers:
        layer.trainable = not layer.name.startswith("stage2")
    found = export.quantization_aware(model, photographs(32))
    trainable = {weight.path.split("/")[0] for weight in found.trainable_weights}
    assert "stage3_block1_conv1" in trainable
    assert "stage2_block1_conv1" not in trainable and "stage2_block1_se_reduce" not in trainable


def test_uint8_images(tmp_path):
    image = keras.Input((32, 32, 3), dtype="uint8")
    body = keras_senet.SEResNet20.replace(depths=(1, 1, 1))(input_shape=(32, 32, 3), classes=4)
    model = keras.Model(image, body(keras.layers.Rescaling(1.0)(image)))
    images = photographs(32).astype("uint8")
    found = export.quantization_aware(model, images)
    litert = LiteRT(written(found, tmp_path / "m.tflite", images))
    assert litert.dtype == "uint8"
    np.testing.assert_allclose(litert(images), found.predict(images, verbose=0), atol=0.02)


def test_what_is_refused(aware, tmp_path):
    images = photographs(32)
    with pytest.raises(ValueError, match="was trained for int8. Expected quantization='int8' or"):
        export.to_tflite(aware, tmp_path / "m.tflite")
    with pytest.raises(ValueError, match="without min_agreement. Received: 'int8', min_agree"):
        export.to_tflite(
            aware,
            tmp_path / "m.tflite",
            quantization="int8",
            calibration_images=images,
            min_agreement=0.9,
        )
    with pytest.raises(ValueError, match="is quantization-aware already"):
        export.quantization_aware(aware, images)
    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, name="first")(image)
    x = keras.layers.Conv2DTranspose(4, 3, name="widens")(x)
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))
    with pytest.raises(ValueError, match="'widens' .* TRANSPOSE_CONV, which quantization-aware"):
        export.quantization_aware(model, images)


def test_a_float_network_refuses_its_weights(aware, tmp_path):
    aware.save(tmp_path / "m.keras")
    network = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
    with pytest.raises(ValueError, match="quantization"):
        network(weights=str(tmp_path / "m.keras"), input_shape=(32, 32, 3), classes=4)
