"""The graph of a functional model: its calls, and who makes and reads each tensor.

No other file uses the private attributes in which Keras keeps them.
"""

import keras


class Graph:
    """A functional model as a graph.

    Args:
        model: A functional `keras.Model`, or a built sequential one.

    Attributes:
        nodes: The calls of layers in order of execution, without the inputs.
        calls: The calls of each layer, by its name.
        producer: The call that made each tensor, by the tensor's `id`.
        consumers: The calls that read each tensor, by the tensor's `id`.
        outputs: The tensors that the model puts out.
    """

    def __init__(self, model):
        model = functional(model)
        depths = sorted(model._nodes_by_depth, reverse=True)
        nodes = [node for depth in depths for node in model._nodes_by_depth[depth]]
        self.nodes = [node for node in nodes if node.input_tensors]
        self.producer = {id(tensor): node for node in nodes for tensor in node.output_tensors}
        self.outputs = list(model.outputs)
        self.calls, self.consumers = {}, {}
        for node in self.nodes:
            self.calls.setdefault(node.operation.name, []).append(node)
            for tensor in node.input_tensors:
                self.consumers.setdefault(id(tensor), []).append(node)

    def readers(self, tensor):
        """The calls that read a tensor."""
        return self.consumers.get(id(tensor), [])

    def is_output(self, tensor):
        """Whether the model puts out a tensor."""
        return any(tensor is output for output in self.outputs)

    def is_read_once(self, tensor):
        """Whether a tensor has one reader: a call, or whoever takes the model's output."""
        return len(self.readers(tensor)) + self.is_output(tensor) == 1


def functional(model):
    """The model itself, or a sequential one as a functional one on the same layers.

    Raises:
        TypeError: If it is neither.
    """
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise TypeError(
            "Expected a functional keras.Model (or a built sequential one). Received: "
            f"{model!r}. Wrap another: keras.Model(inputs, outputs)."
        )
    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    return model


def call_of(tensor):
    """The call that made a symbolic tensor."""
    operation, index, _ = tensor._keras_history
    return operation._inbound_nodes[index]


def position_of(tensor, tensors):
    """Where a tensor is among others, which are compared by identity."""
    return next(index for index, other in enumerate(tensors) if other is tensor)


def parts_of(layer):
    """A layer or model and all layers inside of it."""
    return list(layer._flatten_layers())


def check_channels_last(model):
    """Raises a ValueError if a layer of a model, or of one inside, has channels first."""
    for layer in parts_of(model):
        if getattr(layer, "data_format", None) == "channels_first":
            raise ValueError(
                f"Layer {layer.name!r} of {model.name!r} has data_format='channels_first'. "
                "keras_senet has images in channels_last only, (N, H, W, C): build the model so."
            )


def takes_training(layer):
    """Whether `training` is an argument of a layer's `call`."""
    return layer._call_has_training_arg
