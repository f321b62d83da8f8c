"""Costs against reference implementations, the paper and the exported file."""

import csv
import json
import pathlib

import keras
import numpy as np
import pytest
from backends import on_tensorflow
from converted import converted
from small import shallow

import keras_senet
from keras_senet.analysis import cost
from keras_senet.analysis.costs.shapes import shapes_of
from keras_senet.layers import tensor_memory

MACS = json.loads((pathlib.Path(__file__).parents[1] / "golden" / "macs.json").read_text())


@pytest.mark.at_first(
    "SEResNet20",
    "SEBNInception",
    "SEMobileNet",
    "RegNetY002",
    "TinyNetE",
)
@pytest.mark.parametrize("name", MACS)
def test_counts_of_reference_implementations(name):
    model = getattr(keras_senet, name)()
    counted, expected = cost(model), MACS[name]
    assert counted.macs == expected["macs"]
    assert counted.se.additions == expected["squeeze_additions"]
    assert counted.parameters + counted.statistics == model.count_params()


def test_shapes_are_those_of_the_built_network():
    network = shallow(keras_senet.EfficientNetB0).replace(se=keras_senet.SEConfig(squeeze="conv"))
    built, shapes = network(), shapes_of(network)
    assert [x.shape for x in shapes.weights] == [x.shape for x in built.weights]
    assert [x.name for x in shapes.layers] == [x.name for x in built.layers]
    assert cost(shapes).to_dict() == cost(built).to_dict()


@on_tensorflow
def test_shapes_never_make_values(monkeypatch):
    """Neither while the network is built, nor at Keras' next occasion to make what is missing."""
    made = []
    zeros = keras.initializers.Zeros.__call__

    def counting(self, shape, dtype=None):
        made.append(shape)
        return zeros(self, shape, dtype)

    for kind in ("HeNormal", "GlorotUniform", "RandomNormal", "Zeros", "Ones"):
        monkeypatch.setattr(getattr(keras.initializers, kind), "__call__", counting)
    empty = tensor_memory.empty  # what our layers' numbers are written to
    monkeypatch.setattr(tensor_memory, "empty", lambda count: made.append(count) or empty(count))
    network = shallow(keras_senet.SEResNet20)
    shapes = shapes_of(network)
    with keras.StatelessScope():
        pass
    assert made == []
    assert len(network().weights) == len(shapes.weights)
    assert made  # so that the count counts


def test_mistakes_while_shapes_are_built_are_told():
    with pytest.raises(ValueError, match="channels"):
        shapes_of(lambda: keras_senet.SEResNet20(input_shape=(32, 32, 4)))


def layer_cost(layer, shape=(8, 6, 4)):
    image = keras.Input(shape)
    return cost(keras.Model(image, layer(image))).layers[-1]


def test_each_kind_of_layer_by_hand():
    kinds = keras.layers
    assert layer_cost(kinds.Conv2D(10, 3, strides=2, padding="same")).macs == 4 * 3 * 10 * 9 * 4
    assert layer_cost(kinds.Conv2D(8, 3, groups=2, padding="same")).macs == 8 * 6 * 8 * 9 * 2
    assert layer_cost(kinds.DepthwiseConv2D(3, padding="same")).macs == 8 * 6 * 4 * 9
    separable = kinds.SeparableConv2D(5, 3, padding="same")
    assert layer_cost(separable).macs == 8 * 6 * (4 * 9 + 4 * 5)
    transposed = kinds.Conv2DTranspose(5, 2, strides=2)
    assert layer_cost(transposed).macs == 8 * 6 * 4 * 5 * 4
    assert layer_cost(kinds.Dense(7)).macs == 8 * 6 * 4 * 7
    assert layer_cost(kinds.AveragePooling2D(2)).additions == 4 * 3 * 4 * 4
    assert layer_cost(kinds.BatchNormalization()).macs == 0
    excitation = keras_senet.layers.SqueezeExcitation
    assert layer_cost(excitation(2)).macs == 2 * 4 * 2
    assert layer_cost(excitation(2, squeeze="none")).macs == 8 * 6 * 2 * 4 * 2
    assert layer_cost(excitation(2, squeeze="conv")).macs == 2 * 4 * 2 + 8 * 6 * 4
    assert layer_cost(excitation(2)).parameters == 2 * 4 * 2 + 2 + 4


def test_functions_of_keras_by_hand():
    ops, ones = keras.ops, np.ones
    kernel = ones((3, 3, 4, 10), "float32")
    assert layer_cost(lambda x: ops.conv(x, kernel, padding="same")).macs == 8 * 6 * 10 * 9 * 4
    kernel = ones((3, 3, 4, 1), "float32")
    assert layer_cost(lambda x: ops.depthwise_conv(x, kernel)).macs == 6 * 4 * 4 * 9
    assert layer_cost(lambda x: ops.matmul(x, ones((4, 7), "float32"))).macs == 8 * 6 * 4 * 7
    assert layer_cost(lambda x: ops.mean(x, axis=(1, 2))).additions == 8 * 6 * 4
    assert layer_cost(lambda x: ops.max_pool(x, 2)).additions == 4 * 3 * 4 * 4
    assert layer_cost(lambda x: ops.relu(x) * 2).macs == 0


def test_pooling_of_any_dimension_by_hand():
    assert layer_cost(keras.layers.GlobalMaxPooling1D(), (8, 4)).additions == 8 * 4
    assert layer_cost(keras.layers.AveragePooling1D(2), (8, 4)).additions == 4 * 4 * 2
    assert layer_cost(keras.layers.MaxPooling3D(2), (4, 4, 4, 3)).additions == 8 * 3 * 8


class Product(keras.layers.Layer):
    """A layer of a user's, which multiplies by a matrix."""

    def build(self, shape):
        self.matrix = self.add_weight(shape=(shape[-1], 2), name="matrix")

    def call(self, x):
        return keras.ops.matmul(x, self.matrix)


def pairs(function):
    """What a function makes of the 48 pixels of an image, in place of a layer."""
    return lambda x: function(keras.layers.Reshape((48, 4))(x))


@pytest.mark.parametrize(
    "layer",
    [
        Product(),
        pairs(lambda x: keras.layers.Dot(2)([x, x])),
        pairs(lambda x: keras.layers.Attention()([x, x])),
        pairs(keras.layers.GRU(2)),
        lambda x: keras.ops.einsum("nhwc,cd->nhwd", x, np.ones((4, 2), "float32")),
        lambda x: keras.ops.tensordot(x, np.ones((4, 2), "float32"), 1),
    ],
    ids=["a user's", "Dot", "Attention", "GRU", "einsum", "tensordot"],
)
def test_products_without_a_rule_are_refused(layer):
    with pytest.raises(ValueError, match="no rule for a layer of class"):
        layer_cost(layer)


class Scale(keras.layers.Layer):
    """A layer of a user's with one factor for each channel."""

    def build(self, shape):
        self.factors = self.add_weight(shape=(shape[-1],), name="factors")

    def call(self, x):
        return x * self.factors


def test_what_is_not_counted_is_said():
    for layer in (Scale(name="mine"), keras.layers.Lambda(keras.ops.sin, name="mine")):
        with pytest.warns(UserWarning, match=r"What layer 'mine' of class \w+ computes"):
            assert layer_cost(layer).macs == 0


class Twice(keras.layers.Conv2D):
    """A layer of a user's that convolves two times."""

    def call(self, x):
        return super().call(super().call(x))


def test_what_a_subclass_adds_is_said_to_be_unknown():
    with pytest.warns(UserWarning, match="its own `call` does besides is not known"):
        assert layer_cost(Twice(4, 1, name="mine")).macs == 8 * 6 * 4 * 4


def test_an_inner_model_of_any_size_costs_what_its_images_do():
    x = keras.Input((None, None, 4))
    shared = keras.layers.Conv2D(4, 3, padding="same")
    inner = keras.Model(x, shared(shared(x)))
    for shape, size in (((8, 6, 4), None), ((None, None, 4), 8)):
        image = keras.Input(shape)
        counted = cost(keras.Model(image, inner(keras.layers.ReLU()(inner(image)))), size)
        pixels = 8 * 8 if size else 8 * 6
        assert (counted.parameters, counted.macs) == (9 * 16 + 4, 4 * pixels * 9 * 16)
        assert counted.peak_bytes == 2 * pixels * 4 * 4


@pytest.mark.parametrize(
    ("dtype", "size"), [("uint8", 1), ("bool", 1), ("bfloat16", 2), ("int16", 2), ("float64", 8)]
)
def test_a_number_takes_the_bytes_of_its_type(dtype, size):
    x = keras.Input((4, 4, 2), dtype=dtype)
    assert cost(keras.Model(x, keras.ops.flip(x, 1))).peak_bytes == 2 * 4 * 4 * 2 * size


def test_shared_and_inner_layers_count_once_in_parameters_and_each_time_in_products():
    shared = keras.layers.Dense(4, use_bias=False)
    inner = keras.Sequential([keras.Input((4,)), shared])
    x = keras.Input((4,))
    counted = cost(keras.Model(x, shared(inner(x))))
    assert (counted.parameters, counted.macs) == (16, 32)


def test_peak_memory_of_a_residual_sum_by_hand():
    x = keras.Input((4, 4, 2))
    y = keras.layers.Conv2D(8, 1)(x)  # 64 + 256 bytes x 2: 128 and 512
    z = keras.layers.Conv2D(8, 1)(y)
    model = keras.Model(x, keras.layers.Add()([y, z]))
    assert cost(model).peak_bytes == 3 * 4 * 4 * 8 * 4  # y, z and their sum


def test_open_size_needs_one():
    model = keras_senet.SEResNet20(input_shape=(None, None, 3))
    with pytest.raises(ValueError, match="input_size=224"):
        cost(model)
    assert cost(model, input_size=32).macs == MACS["SEResNet20"]["macs"]


def test_refusals():
    with pytest.raises(TypeError, match=r"functional keras\.Model"):
        cost(keras.layers.Dense(1))


def test_table_dictionary_and_csv(tmp_path):
    counted = cost(keras_senet.SEResNet20())
    assert "40,815,200" in str(counted) and "81,630,400" not in str(counted)
    assert counted.flops == 2 * counted.macs
    assert sum(part.macs for part in counted.stages.values()) == counted.macs
    assert list(counted.stages) == ["preprocessing", "stem", "stage2", "stage3", "stage4", "head"]
    assert json.loads(json.dumps(counted.to_dict()))["macs"] == counted.macs
    counted.to_csv(tmp_path / "cost.csv")
    with (tmp_path / "cost.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["macs"]) for row in rows) == counted.macs
    assert [path.name for path in tmp_path.iterdir()] == ["cost.csv"]


@pytest.mark.slow
@on_tensorflow
@pytest.mark.parametrize("name", ["SEResNeXt50", "SEShuffleNetV2x05"])
def test_an_exported_file_costs_what_the_model_does(name, tmp_path):
    model = shallow(getattr(keras_senet, name))(input_shape=(64, 64, 3))
    keras_senet.export.to_tflite(model, tmp_path / "model.tflite", group_width=16)
    exported = cost(tmp_path / "model.tflite")
    counted = cost(keras_senet.export.fold(model, group_width=16))  # what the file holds
    assert exported.macs == counted.macs
    assert 0 < exported.se.macs <= counted.se.macs
    (tmp_path / "no.tflite").write_bytes(b"no such file at all")
    with pytest.raises(ValueError, match=r"no \.tflite file"):
        cost(tmp_path / "no.tflite")


@on_tensorflow
def test_files_of_others_by_hand(tmp_path):
    kinds, path = keras.layers, tmp_path / "model.tflite"
    x = keras.Input((None, None, 3))
    shared = kinds.Conv2D(3, 3, padding="same")
    y = kinds.Conv2DTranspose(5, 2, strides=2)(shared(shared(x)))
    model = keras.Model(x, kinds.Dense(4)(kinds.GlobalMaxPooling2D()(y)))
    convolutions = 2 * 16 * 16 * 3 * 9 * 3
    macs = convolutions + 16 * 16 * 3 * 5 * 4 + 5 * 4
    for batch in (1, 2, None):  # what one image costs
        counted = cost(converted(model, path, (batch, 16, 16, 3)))
        assert (counted.macs, counted.additions) == (macs, 32 * 32 * 5)
    assert counted.macs == cost(model, 16).macs
    with pytest.raises(ValueError, match="takes images of any size"):
        cost(converted(model, path, (1, None, None, 3)))


@on_tensorflow
def test_operators_without_a_rule_are_refused(tmp_path):
    x = keras.Input((16, 4))
    model = keras.Model(x, keras.layers.LSTM(2)(x))
    with pytest.raises(ValueError, match="no rule for"):
        cost(converted(model, tmp_path / "model.tflite", (1, 16, 4)))
