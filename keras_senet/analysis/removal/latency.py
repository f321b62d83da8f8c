"""Latency of networks in TensorFlow Lite, each in turns with the same one."""

import itertools

import numpy as np

from keras_senet.export.measure.benchmark import in_turns
from keras_senet.export.models import exportable, image_shape
from keras_senet.export.tflite.conversion import convert
from keras_senet.export.tflite.litert import LiteRT
from keras_senet.surgery.fold import fold

RUNS = 30
# Networks that take turns with the first one: more would save more of its runs, and take more
# memory, about 250 MB for each SE-ResNet-50.
TOGETHER = 4


class Latency:
    """The latency of networks as float32 files, in milliseconds of one image on one thread.

    Each network takes turns with the first one: whatever else the machine does slows both alike, so
    that networks that are timed minutes apart can be compared.

    Args:
        model: The first network, on the TensorFlow backend.
        size: Height and width of the images.
    """

    def __init__(self, model, size):
        self.size = size
        self.first = self._file(model)
        self.of_first = float(np.median(in_turns([self.first], RUNS)))

    def __call__(self, networks):
        """The latency of the first network times the ratio of each to it in the same rounds.

        Args:
            networks: Keras models, of which each is let go of once it is converted.

        Returns:
            A list of milliseconds.
        """
        found, networks = [], iter(networks)
        while files := [self._file(one) for one in itertools.islice(networks, TOGETHER)]:
            first, *others = in_turns([self.first, *files], RUNS)
            found += [self.of_first * float(np.median(other / first)) for other in others]
        return found

    def _file(self, network):
        # As `export.to_tflite` writes it, without the check of what it computes.
        network = exportable(network)
        size = self.size if None in network.inputs[0].shape[1:] else None
        return LiteRT(convert(fold(network), image_shape(network, size)))
