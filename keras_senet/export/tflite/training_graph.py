"""A quantized .tflite network as a Keras model that trains with its rounding."""

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
)
from keras_senet.export.tflite.owners import Owners, owner_of
from keras_senet.export.tflite.tied_ranges import KEEPING, tied
from keras_senet.export.tflite.weighted_layer import WEIGHTED, in_keras, weighted_layer
from keras_senet.layers import facts
from keras_senet.layers.fake_quantize import FakeQuantize
from keras_senet.layers.tflite_operator import (
    OPERATORS,
    TFLiteOperator,
)
from keras_senet.surgery.graph import parts_of
from keras_senet.surgery.rewrite import copied

# Operators whose int8 output has the same scale whatever comes out: -128 and 127 mean these.
FIXED = {"LOGISTIC": (0.0, 255 / 256), "SOFTMAX": (0.0, 255 / 256), "TANH": (-1.0, 127 / 128)}
CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")


def is_quantization_aware(model):
    """Whether a model trains with the rounding of int8, as `trainable_model` makes them.

    Raises:
        ValueError: If such a model is inside of it.
    """
    if any(isinstance(layer, FakeQuantize) for layer in model.layers):
        return True
    if any(isinstance(part, FakeQuantize) for part in parts_of(model)):
        raise ValueError(
            f"Model {model.name!r} has a quantization-aware model inside of it, which cannot be "
            "exported. Export that one alone."
        )
    return False


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
        self.owners = Owners(model, folded)
        self.groups = tied(self.quantized)
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
        names = {id(tensor): name for name, tensor in outputs(self.source).items()}
        # Not in the order of a flat list: that of a dictionary is the alphabet's.
        structure = keras.tree.map_structure(
            lambda tensor: ends[names[id(tensor)]], self.source.output
        )
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
        owner, trainable = self.owners.of(kind, kernel, place, owner_of(place, self.by_name))
        name = self._free(place)
        if type(owner) is layers.ImageNormalization:
            return copied(owner)(x)  # which is not trained, and holds what is known of the image
        if kind == "FULLY_CONNECTED" and len(x.shape) > 2:
            x = self._flat(x, original.builtinOptions, name)
        layer = weighted_layer(kind, original.builtinOptions, kernel, x, name)
        layer.trainable = trainable
        if isinstance(owner, layers.Conv2D) and owner.network is not None:
            layer.network = _described(owner.network)
        y, values = layer(x), in_keras(kind, kernel, layer)
        if values.shape != layer.kernel.shape:
            raise ValueError(
                f"Layer {place!r} of model {self.source.name!r} multiplies vectors along an axis "
                "of its input by a matrix, which quantization-aware training lacks. Leave it out, "
                "or make it a Conv2D of 1x1 pixels."
            )
        self.weights.append((layer, [values, bias]))
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


def _described(network):
    """A network's description that says that it is in int8: float networks refuse its files."""
    description = facts.parse(network)
    description["computation"]["quantization"] = "int8"
    return json.dumps(description)


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
