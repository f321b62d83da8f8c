"""A quantized .tflite network as a Keras model that trains with its rounding, and back."""

import json
import re

import keras
import numpy as np

from keras_senet import layers
from keras_senet.export.outputs import matched, outputs
from keras_senet.export.tflite.flatbuffer import (
    kind_of,
    outputs_by_name,
    parsed,
    serialized,
    with_signature,
)
from keras_senet.layers import facts
from keras_senet.layers.fake_quantize import FakeQuantize
from keras_senet.layers.quantized import (
    QuantizedConv2D,
    QuantizedDense,
    QuantizedDepthwiseConv2D,
)
from keras_senet.layers.tflite_operator import (
    FUSED,
    OPERATORS,
    TFLiteOperator,
    constant,
    padding_of,
)
from keras_senet.surgery.graph import Graph
from keras_senet.surgery.rewrite import copied

# Operators whose int8 output has the scale of what they take: their values are rounded already.
KEEPING = (
    "CONCATENATION",
    "EXPAND_DIMS",
    "MAX_POOL_2D",
    "PAD",
    "RESHAPE",
    "SLICE",
    "SPLIT",
    "SQUEEZE",
    "STRIDED_SLICE",
    "TRANSPOSE",
)
# Operators whose int8 output has the same scale whatever comes out: -128 and 127 mean these.
FIXED = {"LOGISTIC": (0.0, 255 / 256), "SOFTMAX": (0.0, 255 / 256), "TANH": (-1.0, 127 / 128)}
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")


def is_quantization_aware(model):
    """Whether a model trains with the rounding of int8, as `trainable_model` makes them."""
    return any(isinstance(layer, FakeQuantize) for layer in model.layers)


def trainable_model(model, folded, floats, quantized, image_range=None):
    """The Keras model that computes what an int8 network does, and can be trained.

    Args:
        model: The Keras model that the network was made of.
        folded: The same model folded, which the network was converted from.
        floats: Bytes of the float32 network.
        quantized: Bytes of the same network in int8, with float32 ends.
        image_range: Least and greatest value of an image, `None` for those of calibration.

    Returns:
        A functional model of the same name, input and outputs. Its layers are those of the int8
        network, operator by operator, with `FakeQuantize` wherever that rounds.

    Raises:
        ValueError: If an operator cannot be trained, by the names of operator and layer.
    """
    return _Reading(model, folded, floats, quantized, image_range).model()


class _Reading:
    """One walk over the operators of the int8 network, beside those of the float32 network."""

    def __init__(self, model, folded, floats, quantized, image_range):
        self.source, self.image_range = model, image_range
        self.floats, self.quantized = parsed(floats), parsed(quantized)
        self.graph = self.quantized.subgraphs[0]
        self.tensors, self.names = {}, set()
        self.by_name = {layer.name: layer for layer in [*folded.layers, *model.layers]}
        self.groups = _tied(self.quantized)
        self.ranges = {}  # root of a group -> its FakeQuantize
        self.weights = []  # pairs of a layer and its weights

    def model(self):
        shape = [int(size) for size in self.graph.tensors[int(self.graph.inputs[0])].shape[1:]]
        before = self.source.inputs[0]
        image = keras.Input(shape, dtype=before.dtype, name=before.name)
        self.tensors[int(self.graph.inputs[0])] = image
        originals = iter(self.floats.subgraphs[0].operators)
        for operator in self.graph.operators:
            kind = kind_of(self.quantized, operator)
            if kind in CONVERSIONS:
                self._convert(operator, kind)
            else:
                self._compute(operator, next(originals), kind)
        for layer, weights in self.weights:
            layer.set_weights(weights)
        found = outputs_by_name(self.quantized).items()
        ends = matched(outputs(self.source), {x: self.tensors[i] for x, i in found}, "its file")
        structure = keras.tree.pack_sequence_as(self.source.output, list(ends.values()))
        return keras.Model(image, structure, name=self.source.name)

    def _convert(self, operator, kind):
        source, target = int(operator.inputs[0]), int(operator.outputs[0])
        x = self.tensors[source]
        if kind == "QUANTIZE":
            name = "image" if source == int(self.graph.inputs[0]) else None
            x = self._rounded(x, target, kind, name or self._place(target), source)
        self.tensors[target] = x

    def _compute(self, operator, original, kind):
        if kind_of(self.floats, original) != kind:
            raise RuntimeError("The quantizer has changed the order of the operators.")
        place = self._place(int(operator.outputs[0]))
        if kind in WEIGHTED:
            y = self._weighted(operator, original, kind)
        elif kind in OPERATORS:
            y = self._operator(operator, original, kind, place)
        else:
            raise ValueError(
                f"Layer {place!r} of model {self.source.name!r} becomes the operator {kind}, which "
                "quantization-aware training lacks. Leave the layer out, or export without "
                "training: to_tflite(..., quantization='int8', min_agreement=...)."
            )
        many = y if isinstance(y, (list, tuple)) else [y]
        for index, one in zip(map(int, operator.outputs), many, strict=True):
            if self._is_int8(index) and not self._keeps(operator, kind):
                one = self._rounded(one, index, kind, place)
            self.tensors[index] = one

    def _keeps(self, operator, kind):
        """Whether all values that come out are among those that the output's integers mean."""
        inputs = [int(index) for index in operator.inputs if self._is_int8(int(index))]
        own = self.groups(int(operator.outputs[0]))
        return kind in KEEPING and all(self.groups(index) == own for index in inputs)

    def _is_int8(self, index):
        from ai_edge_litert import schema_py_generated as schema

        return index >= 0 and self.graph.tensors[index].type == schema.TensorType.INT8

    def _rounded(self, x, index, kind, place, source=None):
        """The tensor behind the `FakeQuantize` of the int8 tensor `index`."""
        root = self.groups(index)
        if root not in self.ranges:
            code = self.graph.tensors[index].quantization
            scale, zero = float(code.scale[0]), int(code.zeroPoint[0])
            low, high = (-128 - zero) * scale, (127 - zero) * scale
            fixed = kind in FIXED
            if place == "image" and self.image_range is not None:
                low, high = self.image_range
            name = self._free(f"{place}_range")
            trainable = not fixed and place != "image"
            self.ranges[root] = FakeQuantize(low, high, name=name, trainable=trainable)
        return self.ranges[root](x)

    def _operator(self, operator, original, kind, place):
        arguments, tensors = [], []
        for index, before in zip(map(int, operator.inputs), map(int, original.inputs), strict=True):
            if index in self.tensors:
                arguments.append(None)
                tensors.append(self.tensors[index])
            else:
                arguments.append(_argument(self._constant(before)))
        if not tensors:
            raise ValueError(f"Operator {kind} of layer {place!r} reads constants alone.")
        if kind == "RESHAPE":
            arguments[1] = _with_batch(arguments[1], len(tensors[0].shape), place)
        name = self._free(place, kind.lower())
        layer = TFLiteOperator(kind, _options(original), arguments, name=name)
        return layer(tensors if len(tensors) > 1 else tensors[0])

    def _weighted(self, operator, original, kind):
        x = self.tensors[int(operator.inputs[0])]
        kernel = self._constant(int(original.inputs[1]))
        filters = len(kernel) if kind != "DEPTHWISE_CONV_2D" else kernel.shape[-1]
        has_bias = len(original.inputs) > 2 and int(original.inputs[2]) >= 0
        bias = self._constant(int(original.inputs[2])) if has_bias else np.zeros(filters, "float32")
        place = self._place(int(original.inputs[1]), self.floats.subgraphs[0])
        self._check_kernel(operator, kernel, place)
        owner, name = self._owner(place), self._free(place)
        if type(owner) is layers.ImageNormalization:
            return copied(owner)(x)  # which is not trained, and holds what is known of the image
        if kind == "FULLY_CONNECTED" and len(x.shape) > 2:
            x = self._flat(x, original.builtinOptions, name)
        layer = _layer(kind, original.builtinOptions, kernel, x, name)
        layer.trainable = owner is None or owner.trainable
        if isinstance(owner, layers.Conv2D) and owner.network is not None:
            layer.network = _described(owner.network)
        y = layer(x)
        self.weights.append((layer, [_in_keras(kind, kernel, layer), bias]))
        return y

    def _flat(self, x, options, name):
        """What a matrix product takes that flattens its input itself: `(N, C)`."""
        if options.keepNumDims:
            return x
        return keras.layers.Flatten(dtype="float32", name=self._free(f"{name}_flatten"))(x)

    def _check_kernel(self, operator, kernel, place):
        index = int(operator.inputs[1])
        if not self._is_int8(index) or len(self.graph.tensors[index].quantization.scale) < 2 < len(
            kernel
        ):
            raise ValueError(
                f"Layer {place!r} of model {self.source.name!r} has a kernel that int8 files keep "
                "in float32 or with one scale for all filters, which cannot be trained."
            )

    def _constant(self, index):
        from ai_edge_litert import schema_py_generated as schema

        tensor = self.floats.subgraphs[0].tensors[index]
        data = self.floats.buffers[tensor.buffer].data
        kinds = {
            schema.TensorType.FLOAT32: "float32",
            schema.TensorType.INT32: "int32",
            schema.TensorType.INT64: "int64",
        }
        if data is None or tensor.type not in kinds:
            raise ValueError(f"{tensor.name.decode()} is no constant of numbers.")
        values = np.frombuffer(bytes(data), kinds[tensor.type])
        return values.reshape([] if tensor.shape is None else [int(n) for n in tensor.shape])

    def _place(self, index, graph=None):
        """The layer of the Keras model that a tensor was made by, as far as its name tells."""
        tensor = (graph or self.graph).tensors[index]
        path = tensor.name.decode().split(";")[0].split("/")
        parts = path[1:-1] if len(path) > 2 else path[-1:]
        if parts[0] == "Identity":  # TensorFlow's name of an output
            return self.source.layers[-1].name
        parts = [re.sub(r"\W", "_", part) for part in parts]
        if parts[0] not in self.by_name and parts[0].removesuffix("_1") in self.by_name:
            # TensorFlow numbers the scopes of a model that was called before.
            parts = [part.removesuffix("_1") for part in parts]
        return "_".join(parts)

    def _owner(self, place):
        """The layer of the original model that a layer stands for, or is a part of."""
        while place not in self.by_name and "_" in place:
            place = place.rpartition("_")[0]
        return self.by_name.get(place)

    def _free(self, *words):
        """A name that no layer has yet: the first word, or both, or a number behind them."""
        candidates = [words[0], "_".join(words)]
        name = next((one for one in candidates if one not in self.names), None)
        number = 2
        while name is None:
            numbered = f"{candidates[-1]}_{number}"
            name = numbered if numbered not in self.names else None
            number += 1
        self.names.add(name)
        return name


def _layer(kind, options, kernel, x, name):
    """The Keras layer of an operator with weights."""
    activation = FUSED[options.fusedActivationFunction]
    if activation is None:
        raise ValueError(f"Layer {name!r} ends in a clip to -1..1, which cannot be trained.")
    activation = None if activation == "none" else activation
    shared = {"activation": activation, "dtype": "float32", "name": name}
    if kind == "FULLY_CONNECTED":
        return QuantizedDense(len(kernel), **shared)
    shared.update(
        kernel_size=kernel.shape[1:3],
        strides=(options.strideH, options.strideW),
        dilation_rate=(options.dilationHFactor, options.dilationWFactor),
        padding=padding_of(vars(options)),
    )
    if kind == "DEPTHWISE_CONV_2D":
        multiplier = kernel.shape[-1] // x.shape[-1]
        return QuantizedDepthwiseConv2D(depth_multiplier=multiplier, **shared)
    return QuantizedConv2D(len(kernel), groups=x.shape[-1] // kernel.shape[-1], **shared)


def _described(network):
    """A network's description that says that it is in int8: float networks refuse its files."""
    description = facts.parse(network)
    description["computation"]["quantization"] = "int8"
    return json.dumps(description)


def _in_keras(kind, kernel, layer):
    """A kernel of TensorFlow Lite in the shape of the Keras layer's."""
    if kind == "FULLY_CONNECTED":
        return kernel.T
    if kind == "DEPTHWISE_CONV_2D":
        return kernel[0].reshape(layer.kernel.shape)
    return kernel.transpose(1, 2, 3, 0)


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


def _argument(values):
    return {"dtype": values.dtype.name, "value": values.tolist()}


def _with_batch(argument, rank, place):
    """The shape of a reshape with the axis of the batch, which the converter leaves out of 1x1s.

    Axes of size 1 before the others change nothing for the additions and multiplications that
    read such a tensor.
    """
    shape = argument["value"]
    if shape[0] in (1, -1):
        return argument
    if len(shape) >= rank:
        raise ValueError(f"Layer {place!r} mixes the images of a batch, which cannot be trained.")
    return {**argument, "value": [1] * (rank - len(shape)) + shape}


def _options(operator):
    """The options of an operator as a dict of JSON's types, with the name of their class."""
    if operator.builtinOptions is None:
        return {}
    plain = {
        name: value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
        for name, value in vars(operator.builtinOptions).items()
    }
    return {"type": type(operator.builtinOptions).__name__, **plain}


def _tied(model):
    """A function from an int8 tensor to the one that stands for all of the same range.

    They are tied by operators that keep the scale, where both sides have the same.
    """
    graph, parents = model.subgraphs[0], {}

    def root(index):
        while parents.get(index, index) != index:
            index = parents[index]
        return index

    def code(index):
        found = graph.tensors[index].quantization
        if index < 0 or found is None or found.scale is None or len(found.scale) != 1:
            return None
        return float(found.scale[0]), int(found.zeroPoint[0])

    for operator in graph.operators:
        if kind_of(model, operator) in KEEPING:
            out = int(operator.outputs[0])
            for other in [*map(int, operator.inputs), *map(int, operator.outputs)]:
                if code(other) is not None and code(other) == code(out):
                    parents[root(other)] = root(out)
    return root


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
        return with_signature(serialized(self.file), "image", names), self.ranges

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
