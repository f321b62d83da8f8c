"""SE blocks for networks that have none."""

import math
from collections.abc import Callable

import keras

from keras_senet.architectures.attention_config import AttentionConfig
from keras_senet.architectures.blocks import squeeze_excite
from keras_senet.architectures.se_config import SEConfig
from keras_senet.layers import ChannelAttention, Conv2D
from keras_senet.surgery.graph import check_channels_last, functional
from keras_senet.surgery.places import Places
from keras_senet.surgery.rewrite import rewrite
from keras_senet.weights.fingerprint import with_added_se


def add_se(
    model: keras.Model,
    se: AttentionConfig = SEConfig(),
    where: Callable[[keras.Layer], bool] | None = None,
    start: str | None = None,
) -> keras.Model:
    """A copy of a network with SE blocks in it; all weights of the network are kept.

    Without `where`, the first of these rules that finds a place decides, as in section 3.3 of the
    paper:

    1. residual networks: on the branch of each sum, before it; in densely connected networks on
       what each concatenation adds to its input (the branch is the input with more convolutions);
    2. Inception: after each concatenation that ends a module;
    3. networks with depthwise convolutions: after the 1x1 convolution that follows, with its
       normalization and activation;
    4. plain networks: after each convolution larger than 1x1, with normalization and activation.

    Args:
        model: A functional `keras.Model` (or a built sequential one) with image tensors
            `(N, H, W, C)`, keras.applications' for example. Models inside it are left as they are.
        se: The SE design, or one of its kin (`ECAConfig`, `ESEConfig`, `SCSEConfig`). `stages` are
            counted by resolution: in stage k a tensor is `2 ** k` times smaller than the image, as
            in ResNet. `placement` must be `"standard"`.
        where: `None`, or a function of a layer that says whether an SE block follows it.
        start: `None` for random SE weights, or `"identity"`: each gate is exactly 1, the doubled
            sigmoid of zero, so that the outputs are those of `model`, bit by bit, until training
            changes the gates.

    Returns:
        A functional model named `se_{model.name}`; the SE block behind `x` is named `x_se` and has
        the dtype policy of the layer whose output it rescales. What is frozen in `model` is frozen
        in the copy; the SE blocks are not, so that they can be trained alone.

    Raises:
        TypeError: If the model is not functional.
        ValueError: If channels come first, no place is found, a place is on a tensor of another
            rank than 4 or in a layer that is called several times, the model has SE blocks already,
            or an argument is none of these.

    Reference:
        https://arxiv.org/abs/1709.01507, section 3.3 and figures 2 and 3.

    Example:
        >>> plain = keras.applications.MobileNet(weights=None)
        >>> model = add_se(plain, start="identity")
        >>> model.name
        'se_mobilenet_1.00_224'
    """
    model = functional(model)
    check_channels_last(model)
    _check(model, se, start)
    if start == "identity":
        se = se.as_identity()
    graph = Places(model)
    places = graph.find(where)
    rescaled = {name: _rescaled(graph, name, index) for name, index in places.items()}
    stages = {name: _stage(model, tensor, se) for name, tensor in rescaled.items()}
    places = {name: index for name, index in places.items() if se.covers(stages[name])}
    if not places:
        raise ValueError(
            f"No place for SE in {model.name!r}: "
            + (
                "`where` is true of no layer."
                if where
                else "no residual sum, concatenation or convolution was found outside of inner "
                "models, or none in `se.stages`. Say where: add_se(model, where=lambda layer: ...)."
            )
        )

    def excite(x, name):
        dtype = getattr(graph.producer[id(rescaled[name])].operation, "dtype_policy", None)
        return squeeze_excite(x, se, stages[name], "standard", f"{name}_se", x.shape[-1], dtype)

    def call(layer, *args, **kwargs):
        if layer.name not in places:
            return layer(*args, **kwargs)
        index = places[layer.name]
        if index is None:
            return excite(layer(*args, **kwargs), layer.name)
        tensors = list(args[0]) if isinstance(args[0], (list, tuple)) else list(args)
        tensors[index] = excite(tensors[index], layer.name)
        if isinstance(args[0], (list, tuple)):
            return layer(tensors, *args[1:], **kwargs)
        return layer(*tensors, **kwargs)

    copy = rewrite(model, call)
    if not model.trainable:
        # The layers of a frozen model may each say that they are trainable.
        for layer in model.layers:
            if layer.weights:
                copy.get_layer(layer.name).trainable = False
    for layer in copy.layers:
        if isinstance(layer, Conv2D):
            layer.network = with_added_se(layer.network, se)
        if start == "identity" and isinstance(layer, ChannelAttention):
            layer.start_as_identity()
    return keras.Model(copy.input, copy.output, name=f"se_{model.name}")


def _check(model, se, start):
    if not isinstance(se, AttentionConfig):
        raise ValueError(
            "Argument `se` must be a SEConfig, ECAConfig, ESEConfig or SCSEConfig. Received: "
            f"{se!r}"
        )
    if se.placement != "standard":
        raise ValueError(
            "`add_se` knows placement 'standard' only; for another place use `where`. Received: "
            f"placement={se.placement!r}"
        )
    if isinstance(se, SEConfig) and se.ratio_of != "gated":
        raise ValueError(
            "The networks of `add_se` have no units whose input a ratio could divide. Expected "
            f"ratio_of='gated'. Received: ratio_of={se.ratio_of!r}"
        )
    if start not in (None, "identity"):
        raise ValueError(f"Argument `start` must be None or 'identity'. Received: {start!r}")
    if start == "identity" and getattr(se, "start", None) not in (None, 1):
        raise ValueError(
            "start='identity' lets the gates begin at 1. Expected SEConfig(start=None). Received: "
            f"SEConfig(start={se.start!r})"
        )
    present = [layer.name for layer in model.layers if isinstance(layer, ChannelAttention)]
    if present:
        raise ValueError(f"{model.name!r} has SE blocks already: {', '.join(present[:3])}, ...")


def _rescaled(graph, name, index):
    (node,) = graph.calls[name]
    tensor = node.output_tensors[0] if index is None else node.input_tensors[index]
    if len(tensor.shape) != 4 or tensor.shape[-1] is None:
        raise ValueError(
            f"SE rescales images (N, H, W, C). Layer {name!r} has {tuple(tensor.shape)}."
        )
    return tensor


def _stage(model, tensor, se):
    if se.stages is None:
        return None
    size, reduced = model.inputs[0].shape[1], tensor.shape[1]
    if None in (size, reduced):
        raise ValueError(
            f"`se.stages` are counted by resolution, and {model.name!r} leaves the image size open."
            " Build it with a fixed input_shape."
        )
    return round(math.log2(size / reduced))
