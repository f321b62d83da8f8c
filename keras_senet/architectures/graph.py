"""The calls of a functional model's layers, and who reads what."""

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
