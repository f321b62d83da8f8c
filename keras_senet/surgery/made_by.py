"""What computes a tensor of a model, and between which bounds it then is."""

import keras

from keras_senet import layers
from keras_senet.layers.fake_quantize import FakeQuantize
from keras_senet.layers.idle import IDLE
from keras_senet.layers.tflite_operator import TFLiteOperator
from keras_senet.surgery.graph import call_of, position_of
from keras_senet.surgery.rewrite import computes_its_graph

BOUNDED = {
    "softmax": (0.0, 1.0),
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu6": (0.0, 6.0),
}
PROBABILITIES = ("softmax", "sigmoid", "hard_sigmoid")
POOLING = ("GlobalAveragePooling2D", "GlobalMaxPooling2D", "AveragePooling2D", "MaxPooling2D")
# Compared by identity, since a user's function may have the name of one of Keras'.
FUNCTIONS = [
    (getattr(module, name), name) for module in (keras.activations, keras.ops) for name in BOUNDED
]
# Layers whose output is that of their activation.
ACTIVATED = (
    keras.layers.Activation,
    keras.layers.Conv1D,
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2D,
    keras.layers.Conv2DTranspose,
    keras.layers.Dense,
    keras.layers.DepthwiseConv2D,
    keras.layers.EinsumDense,
    keras.layers.SeparableConv2D,
    layers.Conv2D,
)
# Layers and operations whose outputs are some of their inputs, or averages of them.
KEEPING = (
    "AveragePooling2D",
    "Cast",
    "Cropping2D",
    "Flatten",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "MaxPooling2D",
    "Permute",
    "Reshape",
    "Squeeze",
    "UpSampling2D",
)


def activation_of(layer):
    """Name of a layer's activation, or of an operation that is an activation, or `None`."""
    if type(layer) in ACTIVATED:
        return next((name for own, name in FUNCTIONS if own is layer.activation), None)
    if type(layer) is TFLiteOperator:
        return {"SOFTMAX": "softmax", "LOGISTIC": "sigmoid", "TANH": "tanh"}.get(layer.kind)
    kind = type(layer).__name__
    name = {"HardSigmoid": "hard_sigmoid"}.get(kind, kind.lower())
    return name if is_keras(layer) and name in BOUNDED else None


def made_by(tensor, through, outside=()):
    """The operation that computes a tensor, inside of nested models too.

    Args:
        tensor: A symbolic tensor.
        through: Function of an operation: whether to skip it and go on to what it reads.
        outside: The calls of nested models that the tensor lies in.
    """
    node = call_of(tensor)
    operation = node.operation
    if isinstance(operation, keras.layers.InputLayer) and outside:
        *outside, (model, call) = outside
        made = call.input_tensors[position_of(tensor, model.inputs)]
        return made_by(made, through, outside)
    if computes_its_graph(operation):
        made = operation.outputs[position_of(tensor, node.output_tensors)]
        return made_by(made, through, (*outside, (operation, node)))
    return made_by(node.input_tensors[0], through, outside) if through(operation) else operation


def is_keras(operation):
    """Whether an operation's class is Keras' own: a user's class may have the same name."""
    return type(operation).__module__.split(".")[0] == "keras"


def is_idle(operation):
    """Whether an operation changes nothing at inference."""
    if type(operation) is keras.layers.Pipeline:
        return all(map(is_idle, operation.layers))
    return type(operation) in IDLE


def keeps(operation, keeping=KEEPING):
    """Whether what an operation computes lies between the bounds of what it reads."""
    if type(operation) is FakeQuantize or is_idle(operation):
        return True
    if type(operation) is keras.layers.Activation:
        return operation.activation is keras.activations.linear
    return is_keras(operation) and type(operation).__name__ in keeping


def holds_probabilities(tensor):
    """Whether a tensor is of probabilities: `True`, `False` for logits, `None` if nobody knows.

    A softmax or sigmoid makes probabilities, a linear layer logits, another layer what it will.
    """
    last = made_by(tensor, keeps)
    if activation_of(last) in PROBABILITIES:
        return True
    is_linear = type(last) in ACTIVATED and last.activation is keras.activations.linear
    return False if is_linear else None
