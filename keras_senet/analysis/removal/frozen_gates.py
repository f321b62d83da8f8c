"""SE blocks taken out of a network, their gates frozen into the weights that remain."""

from collections.abc import Sequence

import keras

from keras_senet.analysis.gates.excitation import Excitations
from keras_senet.analysis.gates.statistics import CONSTANT
from keras_senet.analysis.se_blocks import digest, se_nodes, with_blocks
from keras_senet.layers import Conv2D
from keras_senet.surgery.constants import edits
from keras_senet.surgery.graph import Graph, functional
from keras_senet.weights.fingerprint import with_removed_se
from keras_senet.weights.named_classes import keep_names

FEWEST = 10  # images: one has constant gates everywhere


def remove_se(
    model: keras.Model,
    blocks: str | Sequence[str],
    excitations: Excitations,
    threshold: float = CONSTANT,
) -> keras.Model:
    """A copy of the network without these SE blocks, each gate frozen at its mean.

    The means are multiplied into weights nearby, where that is exact. In front of the block these
    are gamma and beta of a batch normalization, or kernel and bias of a convolution, also through
    ReLU and poolings and in each part of a concatenation; else the input channels of the
    convolutions behind it. Where neither is possible, as after a sum, a `keras.layers.Rescaling`
    with the block's name stays: one multiplication for each number, no weights.

    Args:
        model: A functional `keras.Model` with SE blocks.
        blocks: Names of the SE blocks, or `"constant"` for those all of whose gates have a
            standard deviation below `threshold` over the images.
        excitations: The `Excitations` of the model, whose means are taken.
        threshold: Standard deviation below which a gate counts as constant.

    Returns:
        An ordinary functional model, which saves, trains and exports. Its outputs are those of
        the network with these gates frozen, up to the rounding of the weights. Layers keep their
        names; a block whose means went into weights is gone.

    Raises:
        TypeError: If the model is not functional.
        ValueError: If a name is no SE block of it, the excitations are of another network, or
            constant gates are asked for by those of fewer than ten images.

    Reference:
        Hu et al., https://arxiv.org/abs/1709.01507, section 7.2: the SE blocks of the last stage
        can be removed with a small loss of performance.

    Example:
        >>> model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))()
        >>> images, _ = keras_senet.data.load("digits").held_out_arrays(64)
        >>> found = keras_senet.analysis.excitations(model, images)
        >>> smaller = remove_se(model, "constant", found)
        >>> smaller = remove_se(model, ["stage3_block1_se", "stage4_block1_se"], found)
    """
    model = functional(model)
    nodes = se_nodes(model)
    means = means_of(nodes, _chosen(blocks, excitations, threshold), excitations)
    places = _places(model, nodes, means)
    copy = _without(model, means, places, share=False)
    for edits_of_block in places.values():
        for edit in edits_of_block or ():
            edit.apply(copy)
    for layer in copy.layers:
        if isinstance(layer, Conv2D):
            layer.network = with_removed_se(layer.network, means)
    keep_names(model, copy)
    return copy


def calls_without(model, blocks, excitations):
    """The calls that the network of `remove_se` makes, with the layers and weights of `model`.

    Nothing is copied. It takes as long as that network and computes something else: the weights
    do not hold the means.

    Args:
        model: A functional `keras.Model` with SE blocks.
        blocks: Names of the SE blocks.
        excitations: The `Excitations` of the model.

    Returns:
        A functional model.
    """
    nodes = se_nodes(model)
    means = means_of(nodes, blocks, excitations)
    return _without(model, means, _places(model, nodes, means), share=True)


def _places(model, nodes, means):
    """The edits that take the means of each block, by its name, or `None`."""
    graph = Graph(model)
    return {name: edits(graph, nodes[name], scale) for name, scale in means.items()}


def _without(model, means, places, share):
    """The model without blocks; a constant factor in place of one whose means find no place."""

    def block(layer, x):
        if layer.name not in means:
            return layer(x)
        if places[layer.name] is not None:
            return x
        return _rescaling(layer, means[layer.name])(x)

    return with_blocks(model, block, share)


def _rescaling(layer, mean):
    return keras.layers.Rescaling(mean.tolist(), name=layer.name, dtype=layer.dtype_policy)


def _chosen(blocks, excitations, threshold):
    if isinstance(blocks, str) and blocks == "constant":
        if excitations.images < FEWEST:
            raise ValueError(
                "Constant are gates that do not differ between images. Expected excitations of at "
                f"least {FEWEST} images, better hundreds. Received: those of {excitations.images}"
            )
        return tuple(block.name for block in excitations.blocks if block.constant(threshold).all())
    if isinstance(blocks, str):
        raise ValueError(
            f"Argument `blocks` must be 'constant' or a list of names. Received: {blocks!r}"
        )
    return tuple(blocks)


def means_of(nodes, names, excitations):
    """The mean gates `(C,)` of SE blocks in float32, by name.

    Args:
        nodes: What `se_nodes` returned.
        names: Names of the SE blocks.
        excitations: The `Excitations` of their model.

    Raises:
        ValueError: If a name is none of the nodes', or the excitations are of another network.
    """
    means = {}
    for name in names:
        if name not in nodes:
            raise ValueError(f"No SE block {name!r} in the model. Its blocks: {', '.join(nodes)}")
        _check_same(nodes[name], name, excitations)
        means[name] = excitations[name].mean.astype("float32")
    return means


def _check_same(node, name, excitations):
    """Raises a ValueError if the excitations of a block are of another one than the node's."""
    found = {block.name: block for block in excitations.blocks}.get(name)
    channels = node.input_tensors[0].shape[-1]
    if found is None:
        sentence = f"The excitations have no block {name!r}"
    elif found.channels != channels:
        sentence = f"Block {name!r} has {channels} channels, its excitations {found.channels} gates"
    elif excitations.digests.get(name) not in (None, digest(node.operation)):
        sentence = f"Block {name!r} had other weights when the excitations were collected"
    else:
        return
    raise ValueError(f"{sentence}. They are of {excitations.model!r}: collect them of this model.")
