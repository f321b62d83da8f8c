"""Constant factors on the channels of a tensor, multiplied into weights nearby, exactly."""

import dataclasses

import keras
import numpy as np

LAYERS = keras.layers
DEPTHWISE = (LAYERS.DepthwiseConv1D, LAYERS.DepthwiseConv2D)
SEPARABLE = (LAYERS.SeparableConv1D, LAYERS.SeparableConv2D)
CONVOLUTIONS = (LAYERS.Conv1D, LAYERS.Conv2D, LAYERS.Conv3D, LAYERS.Dense)
# f(c x) = c f(x) in every channel, for every c ...
LINEAR = (
    LAYERS.AveragePooling2D,
    LAYERS.Dropout,
    LAYERS.GlobalAveragePooling2D,
    LAYERS.Identity,
    LAYERS.SpatialDropout2D,
    LAYERS.ZeroPadding2D,
)
# ... and for c >= 0.
HOMOGENEOUS = (LAYERS.GlobalMaxPooling2D, LAYERS.LeakyReLU, LAYERS.MaxPooling2D, LAYERS.PReLU)


@dataclasses.dataclass(frozen=True, eq=False)
class Edit:
    """One layer whose weights take a factor.

    Attributes:
        layer: Name of the layer.
        scale: The factors, one for each channel that comes out of it, or goes in.
        side: `"outputs"` or `"inputs"`.
    """

    layer: str
    scale: np.ndarray
    side: str

    def apply(self, model):
        """Multiplies the weights of the layer of this name in `model`."""
        layer = model.get_layer(self.layer)
        factors = _of_outputs if self.side == "outputs" else _of_inputs
        for variable, factor in factors(layer, self.scale):
            variable.assign(keras.ops.convert_to_numpy(variable) * factor.astype("float32"))


def edits(graph, node, scale):
    """Edits after which `node`, whose output is its input times `scale`, may be left out.

    The factors go backward first: into the normalization or convolution in front, through layers
    that are positively homogeneous and into every part of a concatenation. Where that is not
    exact they go forward, into the convolutions that read the output. Each tensor on the way must
    have no other reader.

    Args:
        graph: The `Graph` of the model.
        node: The call of an SE block.
        scale: `(C,)`.

    Returns:
        A list of `Edit`, or `None` if there is no exact place.
    """
    found = _backward(graph, node.input_tensors[0], scale)
    if found is None:
        found = _forward(graph, node.output_tensors[0], scale)
    return found


def _backward(graph, tensor, scale):
    node = graph.producer[id(tensor)]
    layer = node.operation
    if not graph.is_read_once(tensor) or not _is_known(graph, node):
        return None
    if isinstance(layer, LAYERS.Concatenate):
        return _into_parts(graph, node, scale)
    if _takes_outputs(layer, scale):
        return [Edit(layer.name, scale, "outputs")]
    if _passes(layer, scale):
        return _backward(graph, node.input_tensors[0], scale)
    return None


def _into_parts(graph, node, scale):
    if node.operation.axis not in (-1, len(node.output_tensors[0].shape) - 1):
        return None
    ends = np.cumsum([part.shape[-1] for part in node.input_tensors])[:-1]
    found = [
        _backward(graph, part, factors)
        for part, factors in zip(node.input_tensors, np.split(scale, ends), strict=True)
    ]
    complete = [part for part in found if part is not None]
    return [edit for part in complete for edit in part] if len(complete) == len(found) else None


def _forward(graph, tensor, scale):
    if graph.is_output(tensor):
        return None
    found = []
    for node in graph.readers(tensor):
        layer = node.operation
        if not _is_known(graph, node):
            return None
        if isinstance(layer, (*CONVOLUTIONS, *DEPTHWISE, *SEPARABLE)):
            found.append(Edit(layer.name, scale, "inputs"))
        elif _passes(layer, scale):
            further = _forward(graph, node.output_tensors[0], scale)
            if further is None:
                return None
            found.extend(further)
        else:
            return None
    return found


def _is_known(graph, node):
    """Whether a call is the only one of its layer, and the layer computes what its class says.

    A subclass of a user's may compute something else with the same weights, as weight
    standardization does; a quantized kernel takes no factors, one with adapters is a sum.
    """
    layer = node.operation
    return (
        len(graph.calls.get(layer.name, ())) <= 1  # none: an input
        and type(layer).__module__.split(".")[0] in ("keras", "keras_senet")
        and getattr(layer, "quantization_mode", None) is None
        and not getattr(layer, "lora_enabled", False)
    )


def _is_relu(activation):
    return activation is keras.activations.relu


def _passes(layer, scale):
    if isinstance(layer, LINEAR):
        return True
    if isinstance(layer, LAYERS.Activation) and layer.activation is keras.activations.linear:
        return True
    if (scale < 0).any():
        return False
    if isinstance(layer, LAYERS.ReLU):
        return layer.max_value is None and not layer.threshold
    if isinstance(layer, LAYERS.Activation):
        return _is_relu(layer.activation)
    return isinstance(layer, HOMOGENEOUS)


def _takes_outputs(layer, scale):
    if isinstance(layer, LAYERS.BatchNormalization):
        return layer.scale and layer.axis in (-1, 3)
    if not isinstance(layer, (*CONVOLUTIONS, *DEPTHWISE, *SEPARABLE)):
        return False
    is_linear = layer.activation in (None, keras.activations.linear)
    return is_linear or (_is_relu(layer.activation) and not (scale < 0).any())


def _of_outputs(layer, scale):
    """Pairs of a variable and the factor, broadcast, that scales the layer's output."""
    if isinstance(layer, LAYERS.BatchNormalization):
        yield layer.gamma, scale
        if layer.center:
            yield layer.beta, scale
        return
    if isinstance(layer, DEPTHWISE):
        yield layer.kernel, scale.reshape(layer.kernel.shape[-2:])
    elif isinstance(layer, SEPARABLE):
        yield layer.pointwise_kernel, scale
    else:
        yield layer.kernel, scale
    if layer.use_bias:
        yield layer.bias, scale


def _of_inputs(layer, scale):
    """Pairs of a variable and the factor, broadcast, that has the effect of scaled inputs."""
    if isinstance(layer, DEPTHWISE):
        yield layer.kernel, scale[:, None]
    elif isinstance(layer, SEPARABLE):
        yield layer.depthwise_kernel, scale[:, None]
    else:
        groups = getattr(layer, "groups", 1)
        filters = layer.kernel.shape[-1] // groups
        # Filters of group g read the g-th part of the channels.
        yield layer.kernel, np.repeat(scale.reshape(groups, -1).T, filters, axis=1)
