"""The SE blocks (and their kin) of a functional model, and the model with others in their place."""

import hashlib

import keras

from keras_senet.layers import ChannelAttention
from keras_senet.surgery.graph import Graph
from keras_senet.surgery.rewrite import copied, rewrite, shared


def se_nodes(model):
    """The calls of a functional model's SE blocks in order of execution, by the blocks' names.

    Raises:
        ValueError: If it has none, or one is called several times.
    """
    nodes = {}
    for node in Graph(model).nodes:
        if not isinstance(node.operation, ChannelAttention):
            continue
        if node.operation.name in nodes:
            raise ValueError(
                f"SE block {node.operation.name!r} is called several times, with gates of its own "
                "each time. Expected one call of each block."
            )
        nodes[node.operation.name] = node
    if not nodes:
        inner = [layer.name for layer in model.layers if isinstance(layer, keras.Model)]
        raise ValueError(
            f"Model {model.name!r} has no SqueezeExcitation layer and none of its kin"
            + (f" outside of its inner models {inner}: pass one of them." if inner else ".")
        )
    return nodes


def inner_blocks(model):
    """Names of the SE blocks in models inside of a functional model, each after its models'."""
    names = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            own = [one.name for one in layer.layers if isinstance(one, ChannelAttention)]
            names += [f"{layer.name}/{name}" for name in (*own, *inner_blocks(layer))]
    return names


def with_blocks(model, block, share=True):
    """The model with `block(layer, x)` where an SE block computes `layer(x)`.

    Args:
        model: A functional model.
        block: Function of an SE layer and its input to a tensor of the same shape.
        share: Whether the layers are those of `model`, or copies with equal weights.
    """

    def call(layer, *args, **kwargs):
        if isinstance(layer, ChannelAttention):
            return block(layer, args[0])
        return layer(*args, **kwargs)

    return rewrite(model, call, shared if share else copied)


def gamma_before(graph, node):
    """Gamma of the normalization right in front of an SE block as an array, or `None`."""
    layer = graph.producer[id(node.input_tensors[0])].operation
    if isinstance(layer, keras.layers.BatchNormalization) and layer.scale:
        return keras.ops.convert_to_numpy(layer.gamma)
    return None


def digest(layer):
    """A short text that tells the weights of a layer from others, whatever their precision."""
    digest = hashlib.blake2b(digest_size=8)
    for weight in layer.weights:
        digest.update(keras.ops.convert_to_numpy(weight).astype("float32").tobytes())
    return digest.hexdigest()
