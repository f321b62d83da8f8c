"""Public weights: the table of them, fetching, reading, writing, and the names of classes."""

from keras_senet.weights.labels import decode_predictions
from keras_senet.weights.named_classes import class_names, name_classes
from keras_senet.weights.preprocessing import CAFFE, CIFAR, IMAGENET, INCEPTION, VGG, Preprocessing
from keras_senet.weights.records.record import WeightRecord
from keras_senet.weights.records.table import RECORDS, table

__all__ = [
    "CAFFE",
    "CIFAR",
    "IMAGENET",
    "INCEPTION",
    "RECORDS",
    "VGG",
    "Preprocessing",
    "WeightRecord",
    "class_names",
    "decode_predictions",
    "name_classes",
    "table",
]
