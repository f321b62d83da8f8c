"""Layers that Keras lacks, or runs slowly."""

from keras_senet.layers.batch_normalization import BatchNormalization
from keras_senet.layers.channel_shuffle import ChannelShuffle
from keras_senet.layers.conv2d import Conv2D
from keras_senet.layers.initializers import HeNormal
from keras_senet.layers.normalization import ImageNormalization
from keras_senet.layers.squeeze_excitation import SqueezeExcitation

__all__ = [
    "BatchNormalization",
    "ChannelShuffle",
    "Conv2D",
    "HeNormal",
    "ImageNormalization",
    "SqueezeExcitation",
]
