"""The largest number that an exported network computes on its way, for half precision."""

import keras
import numpy as np

from keras_senet import layers
from keras_senet.data.subset import evenly_spaced
from keras_senet.layers.global_average import stages
from keras_senet.surgery.fold import fold
from keras_senet.surgery.graph import Graph

IMAGES = 4  # looked at, one by one


def largest_intermediate(model: keras.Model, images: np.ndarray) -> float:
    """The largest absolute value between the layers of an exported network, sums included.

    Phones' GPUs, and XNNPACK where it is told to, compute in half precision: what exceeds
    65504 becomes infinite there, and NaN further on.

    Args:
        model: What `exportable` returned; what is looked at is its folded form, as in files.
        images: `(N, H, W, C)` in the range that it takes; four, evenly spaced, are looked at.

    Returns:
        The largest output of a layer, or sum of a global average's stages. What layers compute
        inside of themselves, but for these sums, is not seen.
    """
    folded = fold(model)
    nodes = Graph(folded).nodes
    averaged = [node for node in nodes if _averages(node.operation)]
    probe = keras.Model(
        folded.inputs,
        {
            "outputs": [x for node in nodes for x in node.output_tensors if "float" in x.dtype],
            "averaged": [node.input_tensors[0] for node in averaged],
        },
    )
    dtype, largest = folded.inputs[0].dtype, 0.0
    for image in images[evenly_spaced(len(images), IMAGES)]:
        found = probe(keras.ops.convert_to_tensor(image[None], dtype), training=False)
        largest = max(largest, *map(_largest, found["outputs"]))
        for x in found["averaged"]:
            largest = max(largest, *(count * _largest(mean) for count, mean in stages(x)))
    return largest


def _averages(operation):
    pooling = isinstance(operation, layers.GlobalAveragePooling2D)
    squeeze = getattr(operation, "squeeze", "avg")
    return pooling or (isinstance(operation, layers.ChannelAttention) and squeeze == "avg")


def _largest(tensor):
    return float(keras.ops.max(keras.ops.abs(tensor)))
