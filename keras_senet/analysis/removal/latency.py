"""Latency of networks in TensorFlow Lite, each in turns with the same one."""

import numpy as np

from keras_senet.export.measure.benchmark import in_turns
from keras_senet.export.models import exportable, image_shape
from keras_senet.export.tflite.conversion import convert
from keras_senet.export.tflite.litert import LiteRT
from keras_senet.surgery.fold import fold

RUNS = 30


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

    def __call__(self, network):
        """The latency of the first network times the ratio of the two in the same rounds."""
        first, other = in_turns([self.first, self._file(network)], RUNS)
        return self.of_first * float(np.median(other / first))

    def _file(self, network):
        # As `export.to_tflite` writes it, without the check of what it computes.
        network = exportable(network)
        size = self.size if None in network.inputs[0].shape[1:] else None
        return LiteRT(convert(fold(network), image_shape(network, size)))
