"""Ranges of weights that int8 cannot take from the weights alone."""

import numpy as np

from keras_senet.export.tflite.flatbuffer import kind_of

# Operators with filters and biases, and the axis of the filters that counts the outputs.
AXES = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}
# A bias is an int32, in steps of the input's times the weights'. A bit is left for the sum.
MOST = 2**30
# What XNNPACK multiplies sums by, to get steps of the output, is at least 2 ** -32.
LEAST_FACTOR = 2.0**-24
STEPS = 255  # of the range of an activation
LEVELS = 127  # of the largest weight


def weight_ranges(file, ranges):
    """Wider ranges for filters whose weights are tiny beside their bias, or zero.

    The step of a filter is its largest weight over 127. Where that is tiny, as in a dead filter or
    a gate that is nearly constant, the bias has more steps than an int32 holds, and would be cut
    off. A wider range costs nothing: what the weights add is less than a step of the output.

    Args:
        file: `schema.ModelT` of a float32 network.
        ranges: What `calibrate` returned.

    Returns:
        A dictionary like `ranges`, of the filters that need a wider range than their own; the
        entries are arrays with one number for each output.
    """
    found = {}
    graph = file.subgraphs[0]
    for operator in graph.operators:
        axis = AXES.get(kind_of(file, operator))
        if axis is None or len(operator.inputs) < 3 or operator.inputs[2] < 0:
            continue
        image, filters, bias = (graph.tensors[int(index)] for index in operator.inputs[:3])
        output = graph.tensors[int(operator.outputs[0])]
        weights, biases = _values(file, filters), _values(file, bias)
        extents = [ranges.get(tensor.name.decode()) for tensor in (image, output)]
        if weights is None or biases is None or None in extents:
            continue
        step_in, step_out = map(_step, extents)
        least = np.maximum(np.abs(biases) / MOST, LEAST_FACTOR * step_out) * LEVELS / step_in
        others = tuple(one for one in range(weights.ndim) if one != axis)
        own = np.abs(weights).max(others, keepdims=True)
        wider = np.maximum(own, least.reshape(own.shape)).astype("float32")
        if (wider > own).any():
            name = filters.name.decode()
            if name in found:  # two operators share the filters
                wider = np.maximum(wider, found[name]["max"])
            found[name] = {"min": -wider, "max": wider}
    return found


def _values(file, tensor):
    data = file.buffers[tensor.buffer].data
    return None if data is None else np.frombuffer(data, "float32").reshape(tensor.shape)


def _step(extent):
    """The step of an activation: its range has 0 in it."""
    least, most = min(0.0, float(np.min(extent["min"]))), max(0.0, float(np.max(extent["max"])))
    return max(most - least, np.finfo("float32").tiny) / STEPS
