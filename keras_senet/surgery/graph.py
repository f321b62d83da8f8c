"""The calls of a functional model's layers, who reads what, and faithful copies of them."""

import keras


class Graph:
    """A functional model as a graph.

    Args:
        model: A functional `keras.Model`, or a built sequential one.

    Attributes:
        nodes: The calls of layers in order of execution, without the inputs.
        producer: The call that made each tensor, by the tensor's `id`.
        consumers: The calls that read each tensor, by the tensor's `id`.
        outputs: The tensors that the model puts out.
    """

    def __init__(self, model):
        if isinstance(model, keras.Sequential):
            model = keras.Model(model.inputs, model.outputs)
        depths = sorted(model._nodes_by_depth, reverse=True)
        nodes = [node for depth in depths for node in model._nodes_by_depth[depth]]
        self.nodes = [node for node in nodes if node.input_tensors]
        self.producer = {id(tensor): node for node in nodes for tensor in node.output_tensors}
        self.outputs = list(model.outputs)
        self.consumers = {}
        for node in self.nodes:
            for tensor in node.input_tensors:
                self.consumers.setdefault(id(tensor), []).append(node)

    def readers(self, tensor):
        """The calls that read a tensor."""
        return self.consumers.get(id(tensor), [])


def computes_its_graph(model):
    """Whether a functional or sequential model computes its graph, and not a `call` of its own."""
    kinds = [kind for kind in type(model).__mro__ if not _is_of(kind, "keras")]
    return not any("call" in vars(kind) or "__call__" in vars(kind) for kind in kinds)


def can_be_rebuilt(layer):
    """Whether a layer's configuration says all about it: it and its parts are Keras' or ours.

    Configurations of other kinds may miss a field, and those of `Lambda` miss what its function
    refers to. A copy of such a layer could compute something else without a word.
    """
    parts = [layer, *layer._flatten_layers(include_self=False)]
    return all(
        _is_of(type(part), "keras", "keras_senet") and not isinstance(part, keras.layers.Lambda)
        for part in parts
    )


def copy_weights(source, target):
    """Gives a layer or model the weights of another one of the same structure."""
    target.set_weights(source.get_weights())
    for layer in target._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with values that it derives from its weights


def _is_of(kind, *packages):
    return kind.__module__.split(".")[0] in (*packages, "builtins")
