"""The places for SE blocks in a network that was made without."""

import keras

from keras_senet.surgery.graph import Graph

# What may follow a convolution before its block ends.
TRAILING = (
    keras.layers.Activation,
    keras.layers.BatchNormalization,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.ReLU,
)
CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)
# keras.applications' Inception-ResNet-v2 has its scaled sum as a layer of this name.
SUMS = ("Add", "CustomScaleLayer")


class Places(Graph):
    """A functional model as a graph in which the rules of `add_se` find places for SE blocks."""

    def find(self, where=None):
        """Where SE blocks go.

        Args:
            where: `None`, or a function of a layer that says whether an SE block follows it.

        Returns:
            A dictionary from the name of a layer to the index of its input to rescale, or to
            `None` for its output.

        Raises:
            ValueError: If a place is in a layer that is called several times.
        """
        if where is not None:
            places = {node.operation.name: None for node in self.nodes if where(node.operation)}
        else:
            rules = (self.branches, self.modules, self.pointwise, self.convolutions)
            places = next(filter(None, (rule() for rule in rules)), {})
        for name in places:
            if len(self.calls[name]) > 1:
                raise ValueError(
                    f"Layer {name!r} is called {len(self.calls[name])} times, and SE has its place "
                    "in one. Leave it out: add_se(model, where=lambda layer: ...)."
                )
        return places

    def branches(self):
        """Sums, and concatenations of a tensor with one that was computed from it."""
        places = {}
        for node in self.nodes:
            is_sum = type(node.operation).__name__ in SUMS and len(node.input_tensors) == 2
            is_concatenation = self._concatenates(node) and len(node.input_tensors) == 2
            if not is_sum and not is_concatenation:
                continue
            above = [self._ancestors(tensor) for tensor in node.input_tensors]
            lengths = [
                sum(isinstance(one.operation, CONVOLUTIONS) for one in above[i] - above[1 - i])
                for i in range(2)
            ]
            if is_concatenation and min(lengths) > 0:
                continue
            if lengths[0] != lengths[1]:
                places[node.operation.name] = lengths.index(max(lengths))
        return places

    def modules(self):
        """Concatenations that are not part of another one."""
        return {
            node.operation.name: None
            for node in self.nodes
            if self._concatenates(node)
            and not any(map(self._concatenates, self.readers(node.output_tensors[0])))
        }

    def pointwise(self):
        """1x1 convolutions that read the output of a depthwise convolution."""
        return {
            self._end(node): None
            for node in self.nodes
            if self._is_convolution(node, pointwise=True)
            and isinstance(self._before(node).operation, keras.layers.DepthwiseConv2D)
        }

    def convolutions(self):
        """Convolutions larger than 1x1."""
        return {
            self._end(node): None
            for node in self.nodes
            if self._is_convolution(node, pointwise=False)
        }

    def _concatenates(self, node):
        return type(node.operation).__name__ in ("Concatenate", "ConcatenateV2")

    def _is_convolution(self, node, pointwise):
        layer = node.operation
        if not isinstance(layer, keras.layers.Conv2D):
            return False
        return (tuple(layer.kernel_size) == (1, 1)) == pointwise

    def _ancestors(self, tensor):
        found, open_ends = set(), [tensor]
        while open_ends:
            node = self.producer[id(open_ends.pop())]
            if node not in found:
                found.add(node)
                open_ends.extend(node.input_tensors)
        return found

    def _before(self, node):
        """The call in front of this one, normalization and activations skipped."""
        node = self.producer[id(node.input_tensors[0])]
        while isinstance(node.operation, TRAILING):
            node = self.producer[id(node.input_tensors[0])]
        return node

    def _end(self, node):
        """Name of the last layer of the block that begins with this convolution."""
        while True:
            following = self.readers(node.output_tensors[0])
            if len(following) != 1 or not isinstance(following[0].operation, TRAILING):
                return node.operation.name
            node = following[0]
