"""Layers that Keras lacks, or runs slowly."""

from keras_senet.layers.batch_normalization import BatchNormalization
from keras_senet.layers.channel_attention import ChannelAttention
from keras_senet.layers.channel_shuffle import ChannelShuffle
from keras_senet.layers.conv2d import Conv2D
from keras_senet.layers.effective_se import EffectiveSE
from keras_senet.layers.efficient_channel_attention import EfficientChannelAttention
from keras_senet.layers.fake_quantize import FakeQuantize
from keras_senet.layers.global_average import GlobalAveragePooling2D
from keras_senet.layers.initializers import HeNormal, Normal
from keras_senet.layers.normalization import ImageNormalization
from keras_senet.layers.quantized import (
    QuantizedConv2D,
    QuantizedDense,
    QuantizedDepthwiseConv2D,
)
from keras_senet.layers.spatial_channel_se import SpatialChannelSE
from keras_senet.layers.squeeze_excitation import SqueezeExcitation
from keras_senet.layers.tflite_operator import TFLiteOperator

__all__ = [
    "BatchNormalization",
    "ChannelAttention",
    "ChannelShuffle",
    "Conv2D",
    "EffectiveSE",
    "EfficientChannelAttention",
    "FakeQuantize",
    "GlobalAveragePooling2D",
    "HeNormal",
    "ImageNormalization",
    "Normal",
    "QuantizedConv2D",
    "QuantizedDense",
    "QuantizedDepthwiseConv2D",
    "SpatialChannelSE",
    "SqueezeExcitation",
    "TFLiteOperator",
]
