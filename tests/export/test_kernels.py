"""Kernels that go past the converter: the files are those of a converter that saw them."""

import keras
import numpy as np
import pytest

import keras_senet
from keras_senet.export.tflite import conversion, kernels
from keras_senet.layers import Conv2D
from keras_senet.surgery.fold import fold


class Standardized(keras.layers.Conv2D):
    """A convolution that computes with its kernel before it convolves."""

    def convolution_op(self, inputs, kernel):
        return super().convolution_op(inputs, kernel - keras.ops.mean(kernel, (0, 1, 2)))


def stacked(*made):
    """A sequential model of 16x16 images."""
    return keras.Sequential([keras.Input((16, 16, 3)), *made])


def updated():
    """A model with LoRA: one of its kernels is computed of three variables."""
    dense = keras.layers.Dense(7)
    model = stacked(keras.layers.Flatten(), dense, keras.layers.Dense(3))
    dense.enable_lora(2)
    return model


class Decayed(keras.layers.Layer):
    """A layer inside, and the sum of its squared weights added to what it computes."""

    def __init__(self, layer, **kwargs):
        super().__init__(**kwargs)
        self.inner = layer

    def call(self, inputs):
        return self.inner(inputs) + keras.ops.sum(keras.ops.square(self.inner.kernel))


def decayed():
    """A model in which a convolution and a sum read one kernel."""
    return stacked(Decayed(keras.layers.Conv2D(4, 3)))


def called_twice():
    """A model that calls one convolution on two tensors."""
    image = keras.Input((16, 16, 3))
    layer = keras.layers.Conv2D(3, 3, padding="same")
    return keras.Model(image, layer(keras.layers.ReLU()(layer(image))))


NETWORKS = {
    "residual": lambda: fold(keras_senet.SEResNet20.replace(depths=(1, 1, 1))()),
    "grouped": lambda: fold(
        keras_senet.SEResNeXt50.replace(depths=(1, 1, 1, 1))(input_shape=(32, 32, 3))
    ),
    "depthwise": lambda: stacked(
        keras.layers.DepthwiseConv2D(3, depth_multiplier=2), keras.layers.Conv2D(6, 1)
    ),
    "dense, square": lambda: stacked(
        keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3), keras.layers.Dense(3)
    ),
    "dense, of images": lambda: stacked(keras.layers.Dense(5), Conv2D(5, 3, strides=2)),
    "transposed": lambda: stacked(keras.layers.Conv2DTranspose(4, 3, strides=2)),
    "beside low-rank updates": updated,
    "beside one computed with": lambda: stacked(Standardized(4, 3), keras.layers.Conv2D(4, 3)),
}


def converted(monkeypatch, model, least, **arguments):
    """Bytes of the file, and what `put_back` said of each conversion."""
    monkeypatch.setattr(kernels, "LEAST", least)
    said, put_back = [], kernels.Kernels.put_back

    def told(*given):
        said.append(put_back(*given))
        return said[-1]

    with monkeypatch.context() as patch:
        patch.setattr(kernels.Kernels, "put_back", told)
        return conversion.convert(model, model.input_shape[1:], **arguments), said


@pytest.mark.at_first(
    "residual-{}", "dense, square-{'float16': True}", "transposed-{'integers': True}"
)
@pytest.mark.parametrize("arguments", [{}, {"float16": True}, {"integers": True}], ids=str)
@pytest.mark.parametrize("network", NETWORKS)
def test_the_file_is_the_same(network, arguments, monkeypatch):
    """Every kernel past the converter, and none: the same bytes."""
    model = NETWORKS[network]()
    past, said = converted(monkeypatch, model, 2, **arguments)
    through, _ = converted(monkeypatch, model, 1 << 40, **arguments)
    assert said == [True]
    assert past == through


@pytest.mark.parametrize("build", [called_twice, decayed])
def test_a_kernel_that_two_operations_read_goes_through(build, monkeypatch):
    """The converter gets all weights; it computes at once what reads constants alone."""
    model = build()
    past, said = converted(monkeypatch, model, 2)
    through, _ = converted(monkeypatch, model, 1 << 40)
    assert said == [False]
    assert past == through


def test_a_weight_that_is_one_number_is_not_taken_for_a_kernel(monkeypatch):
    """The first kernel's number is 2, and so is every weight of a layer of the user's own."""

    class Twos(keras.layers.Layer):
        def build(self, shape):
            self.filters = self.add_weight(
                shape=(3, 3, 4, 4), initializer=keras.initializers.Constant(2)
            )

        def call(self, inputs):
            return keras.ops.conv(inputs, self.filters, padding="same")

    model = stacked(keras.layers.Conv2D(4, 1), Twos(), keras.layers.Conv2D(4, 3), Twos())
    kernel = model.layers[2].kernel
    monkeypatch.setattr(
        kernels.Kernels, "__init__", lambda self, _: setattr(self, "by_number", {2.0: kernel})
    )
    past, said = converted(monkeypatch, model, 2)
    monkeypatch.undo()
    through, _ = converted(monkeypatch, model, 1 << 40)
    assert said == [False]
    assert past == through


def test_large_kernels_only(monkeypatch):
    """The smallest one that goes past the converter has 65,536 numbers."""
    small, large = keras.layers.Conv2D(8, 3), keras.layers.Conv2D(8192, 1)
    found = kernels.Kernels(stacked(small, large)).by_number
    assert [kernel.path for kernel in found.values()] == [large.kernel.path]
    assert np.prod(large.kernel.shape) == kernels.LEAST


def test_constants_are_in_the_flatbuffer():
    """The converter writes them behind it and says so; readers of the file find neither."""
    from ai_edge_litert import schema_py_generated as schema

    model = stacked(keras.layers.Conv2D(256, 3), keras.layers.Conv2D(256, 1))
    file = schema.Model.GetRootAsModel(conversion.convert(model, (16, 16, 3)), 0)
    assert not any(file.Buffers(index).Offset() for index in range(file.BuffersLength()))
    names = [file.Metadata(index).Name() for index in range(file.MetadataLength())]
    assert names == [b"min_runtime_version"]
