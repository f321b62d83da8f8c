"""A quantization-aware model as the .tflite network and the ranges that it trained with."""

import keras
import numpy as np

from keras_senet import layers
from keras_senet.export.outputs import outputs
from keras_senet.export.tflite.flatbuffer import serialized, sign
from keras_senet.export.tflite.training_graph import KEEPING
from keras_senet.layers.fake_quantize import FakeQuantize
from keras_senet.layers.quantized import (
    QuantizedConv2D,
    QuantizedDense,
    QuantizedDepthwiseConv2D,
)
from keras_senet.layers.tflite_operator import FUSED, TFLiteOperator, constant
from keras_senet.surgery.graph import Graph


def network_of(model):
    """The float32 network of a model that `trainable_model` made, and the ranges it trained with.

    Args:
        model: Such a model, with weights and ranges as they are now.

    Returns:
        Bytes of a `.tflite` file, and a dictionary as `int8.calibrate` returns it.

    Raises:
        ValueError: If the model has other layers.
    """
    return _Writing(model).network()


class _Writing:
    """One walk over the calls of the model; each `FakeQuantize` becomes a range of a tensor."""

    def __init__(self, model):
        from ai_edge_litert import schema_py_generated as schema

        self.schema, self.model = schema, model
        self.file, self.graph = schema.ModelT(), schema.SubGraphT()
        self.file.version, self.file.subgraphs = 3, [self.graph]
        self.file.operatorCodes, self.file.buffers = [], [schema.BufferT()]
        self.graph.tensors, self.graph.operators, self.graph.name = [], [], b"main"
        self.indices, self.codes = {}, {}
        self.ranges = {}  # name of a tensor -> its range
        self.rounded = {}  # id of a Keras tensor -> the FakeQuantize that its values come from

    def network(self):
        image = self.model.inputs[0]
        self.indices[id(image)] = self._tensor("image", image.shape, self.schema.TensorType.FLOAT32)
        for node in Graph(self.model).nodes:
            self._write(node)
        ends = outputs(self.model)
        self.graph.inputs = np.array([self.indices[id(image)]], "int32")
        self.graph.outputs = np.array([self.indices[id(end)] for end in ends.values()], "int32")
        names = list(ends) if len(ends) > 1 else ["output_0"]
        for tensor in self.graph.tensors:
            if tensor.buffer == 0:  # of an activation that stays in float32 nobody asks the range
                self.ranges.setdefault(tensor.name.decode(), _range(0.0, 1.0))
        sign(self.file, "image", names)
        return serialized(self.file), self.ranges

    def _write(self, node):
        layer, inputs = node.operation, node.input_tensors
        if isinstance(layer, FakeQuantize):
            source, target = inputs[0], node.output_tensors[0]
            self.indices[id(target)] = self.indices[id(source)]
            self.rounded[id(target)] = layer
            if id(source) not in self.rounded:
                self._say_range(source, layer)
            return
        if isinstance(layer, keras.layers.Flatten):  # the matrix product behind it flattens itself
            source, target = inputs[0], node.output_tensors[0]
            self.indices[id(target)] = self.indices[id(source)]
            return
        if isinstance(layer, TFLiteOperator):
            tensors = iter(inputs)
            taken = [
                self.indices[id(next(tensors))] if one is None else self._constant(constant(one))
                for one in layer.arguments
            ]
            kind, options = layer.kind, self._options(layer.options)
        elif isinstance(layer, layers.ImageNormalization):
            kind, options = "CONV_2D", self.schema.Conv2DOptionsT()
            options.padding, options.strideH, options.strideW = 1, 1, 1
            constants = map(self._constant, _pointwise(layer, inputs[0]))
            taken = [self.indices[id(inputs[0])], *constants]
        elif isinstance(layer, (QuantizedConv2D, QuantizedDepthwiseConv2D, QuantizedDense)):
            kernel, bias = layer.get_weights()
            name = f"{self.model.name}/{layer.name}/kernel"
            taken = [
                self.indices[id(inputs[0])],
                self._constant(_in_tflite(layer, kernel), name),
                self._constant(bias),
            ]
            kind, options = self._weighted(layer)
        else:
            raise ValueError(
                f"Layer {layer.name!r} of {self.model.name!r} is none of those that "
                "quantization_aware makes. Export the model that it returned."
            )
        self._operator(kind, options, taken, node, layer)

    def _operator(self, kind, options, taken, node, layer):
        made = []
        for number, output in enumerate(node.output_tensors):
            end = f"{kind}{number or ''}"
            name = f"{self.model.name}/{layer.name}/{end}"
            made.append(self._tensor(name, output.shape, self.schema.TensorType.FLOAT32))
            self.indices[id(output)] = made[-1]
            kept = [self.rounded.get(id(x)) for x in node.input_tensors]
            if kind in KEEPING and kept[0] is not None and all(one is kept[0] for one in kept):
                self.rounded[id(output)] = kept[0]
                self._say_range(output, kept[0])
        operator = self.schema.OperatorT()
        operator.opcodeIndex = self._code(kind)
        operator.inputs, operator.outputs = (np.array(x, "int32") for x in (taken, made))
        if options is not None:
            operator.builtinOptions = options
            name = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType = getattr(self.schema.BuiltinOptions, name)
        self.graph.operators.append(operator)

    def _say_range(self, tensor, layer):
        scale, zero = layer.code()
        name = self.graph.tensors[self.indices[id(tensor)]].name.decode()
        self.ranges[name] = _range((-128 - zero) * scale, (127 - zero) * scale)

    def _tensor(self, name, shape, kind, buffer=0):
        tensor = self.schema.TensorT()
        tensor.name, tensor.type, tensor.buffer = name.encode(), kind, buffer
        tensor.shape = np.array([1 if size is None else size for size in shape], "int32")
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def _constant(self, values, name=None):
        buffer = self.schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), "uint8")
        self.file.buffers.append(buffer)
        kind = getattr(self.schema.TensorType, values.dtype.name.upper())
        name = name or f"constant{len(self.file.buffers)}"
        return self._tensor(name, values.shape, kind, len(self.file.buffers) - 1)

    def _code(self, kind):
        if kind not in self.codes:
            code = self.schema.OperatorCodeT()
            code.builtinCode = getattr(self.schema.BuiltinOperator, kind)
            code.version = 1
            self.file.operatorCodes.append(code)
            self.codes[kind] = len(self.file.operatorCodes) - 1
        return self.codes[kind]

    def _options(self, options):
        if not options:
            return None
        found = getattr(self.schema, options["type"])()
        for name, value in options.items():
            if name != "type":
                setattr(found, name, np.array(value, "int32") if isinstance(value, list) else value)
        return found

    def _weighted(self, layer):
        """Kind and options of an operator with weights."""
        is_linear = layer.activation is keras.activations.linear
        fused = FUSED.index("none" if is_linear else layer.activation.__name__)
        if isinstance(layer, QuantizedDense):
            options = self.schema.FullyConnectedOptionsT()
            options.fusedActivationFunction = fused
            options.keepNumDims = len(layer.input.shape) != 2
            return "FULLY_CONNECTED", options
        if isinstance(layer, QuantizedDepthwiseConv2D):
            kind, options = "DEPTHWISE_CONV_2D", self.schema.DepthwiseConv2DOptionsT()
            options.depthMultiplier = layer.depth_multiplier
        else:
            kind, options = "CONV_2D", self.schema.Conv2DOptionsT()
        options.padding = ("same", "valid").index(layer.padding)
        options.strideH, options.strideW = layer.strides
        options.dilationHFactor, options.dilationWFactor = layer.dilation_rate
        options.fusedActivationFunction = fused
        return kind, options


def _range(low, high):
    return {"min": np.array([low]), "max": np.array([high])}


def _in_tflite(layer, kernel):
    """A Keras layer's kernel in the shape of TensorFlow Lite's."""
    if isinstance(layer, QuantizedDense):
        return kernel.T
    if isinstance(layer, QuantizedDepthwiseConv2D):
        return kernel.reshape(1, *kernel.shape[:2], -1)
    return kernel.transpose(3, 0, 1, 2)


def _pointwise(layer, image):
    """Kernel and bias of the 1x1 convolution that normalizes an image."""
    channels = image.shape[-1]
    scale, offset = (np.broadcast_to(x, channels) for x in (layer.scale, layer.offset))
    kernel = np.diag(scale).reshape(channels, 1, 1, channels)
    return kernel.astype("float32"), offset.astype("float32")
