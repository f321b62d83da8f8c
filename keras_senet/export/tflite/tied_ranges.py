"""Which int8 tensors of a file share one range."""

from keras_senet.export.tflite.flatbuffer import kind_of

# Operators whose int8 output has the scale of what they take: their values are rounded already.
KEEPING = (
    "CONCATENATION",
    "EXPAND_DIMS",
    "MAX_POOL_2D",
    "PAD",
    "RESHAPE",
    "SLICE",
    "SPLIT",
    "SQUEEZE",
    "STRIDED_SLICE",
    "TRANSPOSE",
)


def tied(model):
    """A function from an int8 tensor to the one that stands for all of the same range.

    They are tied by operators that keep the scale, where both sides have the same.
    """
    graph, parents = model.subgraphs[0], {}

    def root(index):
        while parents.get(index, index) != index:
            index = parents[index]
        return index

    def code(index):
        found = graph.tensors[index].quantization
        if index < 0 or found is None or found.scale is None or len(found.scale) != 1:
            return None
        return float(found.scale[0]), int(found.zeroPoint[0])

    for operator in graph.operators:
        if kind_of(model, operator) in KEEPING:
            out = int(operator.outputs[0])
            for other in [*map(int, operator.inputs), *map(int, operator.outputs)]:
                if code(other) is not None and code(other) == code(out):
                    parents[root(other)] = root(out)
    return root
