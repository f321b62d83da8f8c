"""Networks that train with the rounding of their int8 file, beside that file."""

import keras
import numpy as np
import pytest
import small
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import keras_senet
from keras_senet import export, training
from keras_senet.data import View
from keras_senet.export.contract import contract
from keras_senet.export.tflite.flatbuffer import kind_of, parsed
from keras_senet.export.tflite.litert import LiteRT
from keras_senet.export.tflite.tied_ranges import KEEPING
from keras_senet.layers import (
    FakeQuantize,
    ImageNormalization,
    QuantizedConv2D,
    QuantizedDense,
    QuantizedDepthwiseConv2D,
)
from keras_senet.surgery.graph import Graph, position_of
from keras_senet.weights.named_classes import class_names

RNG = np.random.default_rng(0)
WEIGHTED = {
    ImageNormalization: "CONV_2D",
    QuantizedConv2D: "CONV_2D",
    QuantizedDepthwiseConv2D: "DEPTHWISE_CONV_2D",
    QuantizedDense: "FULLY_CONNECTED",
}
CIFAR = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
NETWORKS = {
    "grouped": (small.shallow(keras_senet.RegNetY002), 64),
    "depthwise, hard swish": (small.shallow(keras_senet.MobileNetV3Small), 64),
    "concatenated": (small.shallow(keras_senet.SEShuffleNetV2x05), 64),
    "one-dimensional": (CIFAR.replace(se=keras_senet.ECAConfig()), 32),
}


def photographs(size, count=16):
    """Smooth images of whole numbers, which int8 holds without rounding."""
    low = RNG.integers(0, 256, (count, 4, 4, 3)).astype("float32")
    images = np.rint(np.clip(keras.ops.image.resize(low, (size, size)), 0, 255))
    images[:, 0, 0], images[:, 0, 1] = 0, 255
    return images


def written(model, path, images):
    return export.to_tflite(
        model, path, quantization="int8", calibration_images=images, overwrite=True
    )


@pytest.fixture(scope="module", params=NETWORKS)
def family(request, tmp_path_factory):
    """A network, its twin that trains for int8, images, and the int8 files of both."""
    keras.utils.set_random_seed(0)
    network, size = NETWORKS[request.param]
    images = photographs(size)
    model = network(input_shape=(size, size, 3), classes=4, classifier_activation=None)
    aware = export.quantization_aware(model, images)
    folder = tmp_path_factory.mktemp("files")
    paths = [written(one, folder / f"{n}.tflite", images) for n, one in enumerate((model, aware))]
    return model, aware, images, paths


def codes(path):
    """Kind and shape of each operator's result, and scale and zero point of its integers."""
    network = parsed(path.read_bytes())
    graph = network.subgraphs[0]
    for operator in graph.operators:
        for index in map(int, operator.outputs):
            code, shape = graph.tensors[index].quantization, tuple(graph.tensors[index].shape)
            integers = code is not None and code.scale is not None
            ends = (float(code.scale[0]), int(code.zeroPoint[0])) if integers else (0.0, 0)
            yield kind_of(network, operator), shape, *ends


@pytest.mark.slow
def test_the_file_is_that_of_the_network(family):
    """Training begins where plain int8 is: the same operators, scales and zero points."""
    before, after = (sorted(codes(path)) for path in family[3])
    assert [row[:2] for row in after] == [row[:2] for row in before]
    np.testing.assert_allclose([r[2] for r in after], [r[2] for r in before], rtol=1e-5)
    assert [row[3] for row in after] == [row[3] for row in before]


def values_in(path, image):
    """Every tensor of a file for one image, by name, integers decoded."""
    interpreter = Interpreter(
        str(path),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    found = {}
    for one in interpreter.get_tensor_details():
        if one["dtype"] in (np.int8, np.float32) and one["shape"].size:
            scale, zero = one["quantization"]
            values = interpreter.get_tensor(one["index"]).astype("float32")
            found[one["name"]] = (values - zero) * scale if scale else values
    return found


@pytest.mark.slow
def test_each_operator_computes_what_the_file_does(family):
    """Fed with the file's own values, so that no difference grows from layer to layer."""
    _, aware, images, paths = family
    image = images[:1].astype("float32")
    found, graph = values_in(paths[1], image), Graph(aware)

    def made_by(tensor):
        node = graph.producer[id(tensor)]
        return None if isinstance(node.operation, keras.layers.InputLayer) else node

    def name_of(tensor):
        node = made_by(tensor)
        if node is None:
            return "image"
        layer, number = node.operation, position_of(tensor, node.output_tensors)
        kind = WEIGHTED.get(type(layer)) or layer.kind
        return f"{aware.name}/{layer.name}/{kind}{number or ''}"

    def value(tensor):
        node = made_by(tensor)
        if node is None:
            return image
        if isinstance(node.operation, keras.layers.Flatten):
            return node.operation(value(node.input_tensors[0]))
        if not isinstance(node.operation, FakeQuantize):
            return found[name_of(tensor)]
        source = node.input_tensors[0]
        if is_rounded(source):  # and is rounded again, to the range of others
            return np.asarray(node.operation(value(source)))
        return found.get(f"{name_of(source)}_quantized", found.get(name_of(source)))

    def is_rounded(tensor):
        node = made_by(tensor)
        return node is not None and getattr(node.operation, "kind", None) in KEEPING

    checked = 0
    for node in graph.nodes:
        source = made_by(node.input_tensors[0])
        rounds = isinstance(node.operation, FakeQuantize)
        if not rounds or source is None or is_rounded(node.input_tensors[0]):
            continue
        inputs = [value(tensor) for tensor in source.input_tensors]
        y = source.operation(inputs if len(inputs) > 1 else inputs[0])
        scale, _ = node.operation.code()
        steps = np.abs(node.operation(y) - value(node.output_tensors[0])) / scale
        assert steps.max() < 1.01, source.operation.name
        # The runtime rounds biases too, and its plain kernel averages in integers.
        if getattr(source.operation, "kind", None) != "MEAN":
            assert (steps > 0.5).mean() < 0.02, source.operation.name
        checked += 1
    assert checked > 20


@pytest.fixture(scope="module")
def tiny():
    keras.utils.set_random_seed(0)
    return CIFAR(input_shape=(32, 32, 3), classes=4)


@pytest.fixture(scope="module")
def aware(tiny):
    return export.quantization_aware(tiny, photographs(32))


@pytest.mark.slow
def test_a_saved_model_goes_on(aware, tmp_path):
    images = photographs(32)
    path = written(aware, tmp_path / "before.tflite", images)
    aware.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again(images), aware(images))
    np.testing.assert_array_equal(
        LiteRT(written(again, tmp_path / "m.tflite", images))(images), LiteRT(path)(images)
    )


@pytest.mark.slow
def test_training_moves_kernels_and_ranges_and_the_file_follows(tiny, tmp_path):
    images = photographs(32)
    aware = export.quantization_aware(tiny, images)
    first_file = written(aware, tmp_path / "before.tflite", images)
    labels = np.arange(len(images)) % 4
    loss = keras.losses.SparseCategoricalCrossentropy()
    for layer in aware.layers:
        if isinstance(layer, FakeQuantize) and layer.trainable:
            layer.high.assign(layer.high * 0.9)  # so that some values are clipped
    aware.compile(keras.optimizers.SGD(0.02, global_clipnorm=1.0), loss)
    weights = aware.get_weights()
    first = aware.evaluate(images, labels, verbose=0)
    aware.fit(images, labels, epochs=8, batch_size=len(images), verbose=0)
    assert aware.evaluate(images, labels, verbose=0) < first
    moved = {
        weight.path.split("/")[-1]
        for weight, old in zip(aware.weights, weights, strict=True)
        if np.any(np.asarray(weight) != old)
    }
    assert {"kernel", "bias"} <= moved and moved & {"low", "high"}
    files = first_file, written(aware, tmp_path / "after.tflite", images)
    before, after = (sorted(codes(x)) for x in files)
    assert [row[:2] for row in after] == [row[:2] for row in before]
    assert [row[2] for row in after] != [row[2] for row in before]


@pytest.mark.slow
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


def test_what_is_known_of_the_network_stays(tiny, aware):
    assert contract(aware) == contract(tiny)
    assert View.of(aware) == View.of(tiny)
    assert aware.name == tiny.name
    assert aware.get_layer("image_range").code() == (1.0, -128)  # pixels lose nothing
    assert not aware.get_layer("image_range").trainable_weights


@pytest.mark.slow
def test_frozen_layers_stay_frozen():
    model = CIFAR(input_shape=(32, 32, 3), classes=4)
    for layer in model.layers:
        layer.trainable = not layer.name.startswith("stage2")
    found = export.quantization_aware(model, photographs(32))
    trainable = {weight.path.split("/")[0] for weight in found.trainable_weights}
    assert "stage3_block1_conv1" in trainable
    assert "stage2_block1_conv1" not in trainable and "stage2_block1_se_reduce" not in trainable


def averaged(*made):
    """A classifier of 32x32 images of 4 classes."""
    image = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    for layer in (*made, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(4)):
        x = layer(x)
    return keras.Model(image, x)


def frozen(name):
    return keras.layers.Conv2D(8, 3, name=name, trainable=False)


def within(*made):
    return keras.Sequential([keras.Input((32, 32, 3)), *made], name="inner")


@pytest.mark.at_first(every=3)
@pytest.mark.parametrize(
    "build",
    [
        lambda: averaged(frozen("c"), keras.layers.ReLU(), keras.layers.Conv2D(8, 1, name="d")),
        lambda: averaged(within(frozen("c"), keras.layers.Conv2D(8, 1, name="d"))),
        lambda: averaged(keras.layers.Conv2D(8, 1, name="a.x"), frozen("b-y")),
        lambda: averaged(keras.layers.Conv2D(8, 1, name="a"), frozen("a_1")),
    ],
    ids=["first, with an activation", "inside", "signs in names", "numbered names"],
)
def test_frozen_whatever_the_file_calls_it(build):
    """The frozen kernel of 3x3 is not trained, those of 1x1 and of classes are."""
    found = export.quantization_aware(build(), photographs(32))
    trained = {
        layer.kernel.shape[0]: layer.trainable
        for layer in found.layers
        if isinstance(layer, QuantizedConv2D) and layer.kernel.shape[-1] == 8
    }
    assert trained[3] is False
    assert trained.get(1, True) is True
    assert next(one for one in found.layers if isinstance(one, QuantizedDense)).trainable


def test_equal_kernels_of_which_one_is_frozen():
    """Their layers cannot be told apart by what the file has."""
    ones = {"kernel_initializer": "ones", "padding": "same"}
    model = averaged(
        keras.layers.Conv2D(3, 3, name="c.a", trainable=False, **ones),
        keras.layers.ReLU(),
        keras.layers.Conv2D(3, 3, name="c_b", **ones),
        keras.layers.ReLU(),
    )
    with pytest.raises(ValueError, match=r"Some layers of model .* are frozen, and whether"):
        export.quantization_aware(model, photographs(32))


def test_outputs_of_a_dictionary_keep_their_names(tmp_path):
    """Also where their order is not that of the alphabet."""
    image = keras.Input((32, 32, 3))
    x = keras.layers.GlobalAveragePooling2D()(
        keras.layers.Conv2D(8, 3, activation="relu")(keras.layers.Rescaling(1 / 255)(image))
    )
    ends = {name: keras.layers.Dense(3, name=f"of_{name}")(x) for name in ("colour", "age")}
    model = keras.Model(image, ends)
    model.get_layer("of_colour").bias.assign([0, 0, 5])
    model.get_layer("of_age").bias.assign([5, 0, 0])
    images = photographs(32)
    found = export.quantization_aware(model, images)
    expected, received = (one.predict(images, verbose=0) for one in (model, found))
    assert set(received) == {"colour", "age"}
    file = LiteRT(written(found, tmp_path / "m.tflite", images)).run(images)
    for name in expected:
        np.testing.assert_allclose(received[name], expected[name], atol=0.2)
        np.testing.assert_allclose(file[name], expected[name], atol=0.2)


@pytest.mark.slow
def test_uint8_images(tmp_path):
    image = keras.Input((32, 32, 3), dtype="uint8")
    body = CIFAR(input_shape=(32, 32, 3), classes=4)
    model = keras.Model(image, body(keras.layers.Rescaling(1.0)(image)))
    images = photographs(32).astype("uint8")
    found = export.quantization_aware(model, images)
    litert = LiteRT(written(found, tmp_path / "m.tflite", images))
    assert litert.dtype == "uint8"
    np.testing.assert_allclose(litert(images), found.predict(images, verbose=0), atol=0.02)


def test_what_is_refused(aware, tmp_path):
    images = photographs(32)
    with pytest.raises(ValueError, match=r"was trained for int8. Expected quantization='int8' or"):
        export.to_tflite(aware, tmp_path / "m.tflite")
    with pytest.raises(ValueError, match=r"without min_agreement. Received: 'int8', min_agree"):
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
    with pytest.raises(ValueError, match="has a quantization-aware model inside of it"):
        written(
            keras.Model(image, keras.layers.Activation("linear")(aware(image))),
            tmp_path / "m.tflite",
            images,
        )
    vectors = keras.layers.Dense(6, name="vectors")(keras.layers.Reshape((16, 192))(image))
    with pytest.raises(ValueError, match=r"vectors.* multiplies vectors along an axis"):
        export.quantization_aware(keras.Model(image, keras.layers.Flatten()(vectors)), images)
    x = keras.layers.Conv2D(4, 3, name="first")(image)
    x = keras.layers.Conv2DTranspose(4, 3, name="widens")(x)
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))
    with pytest.raises(ValueError, match=r"'widens' .* TRANSPOSE_CONV, which quantization-aware"):
        export.quantization_aware(model, images)


def test_a_float_network_refuses_its_weights(aware, tmp_path):
    aware.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match="quantization"):
        CIFAR(weights=str(tmp_path / "m.keras"), input_shape=(32, 32, 3), classes=4)


@pytest.fixture(scope="module")
def digits():
    return keras_senet.data.load("digits")


@pytest.mark.slow
def test_a_run_trains_saves_and_goes_on(digits, tmp_path):
    start = CIFAR(input_shape=(32, 32, 3), classes=10)
    start.save(tmp_path / "start.keras")
    recipe = training.QUANTIZATION_AWARE.replace(epochs=1, warmup_epochs=0)

    def run(**changes):
        given = {"weights": tmp_path / "start.keras", "quantize": export.quantization_aware}
        return training.train(CIFAR, digits, recipe, tmp_path / "run", **(given | changes))

    result = run()
    assert (tmp_path / "run/report.html").is_file()
    saved = keras.models.load_model(tmp_path / "run/model.keras")
    assert class_names(saved) == tuple(digits.class_names)
    images = digits.calibration_images(16)
    np.testing.assert_array_equal(saved(images), result.model(images))
    again = run(resume="must")  # the same command after the end: the same model
    np.testing.assert_array_equal(again.model(images), result.model(images))
    path = written(saved, tmp_path / "m.tflite", images)
    found = LiteRT(path)(images.astype("float32"))
    np.testing.assert_allclose(found, saved.predict(images, verbose=0), atol=0.05)


def test_what_a_run_refuses(digits, tmp_path):
    recipe = training.QUANTIZATION_AWARE

    def refuses(message, recipe=recipe, **arguments):
        with pytest.raises(ValueError, match=message):
            training.train(CIFAR, digits, recipe, tmp_path / "run", **arguments)

    aware = {"quantize": export.quantization_aware}
    refuses("Expected quantize=keras_senet.export.quantization_aware")
    refuses("is for recipes with quantization_aware=True", recipe=training.DIGITS, **aware)
    refuses("begins with a trained network. Expected its weights", **aware)
    refuses("Expected precision='float32'", weights="m.keras", precision="bfloat16", **aware)
    with pytest.raises(ValueError, match="Field `dropout` must be None with quantization_aware"):
        recipe.replace(dropout=0.2)
