"""A network like MobileNetV3 for small images, which quantization finds hard."""

import dataclasses

import keras_senet
from keras_senet.architectures.mobilenet_v3 import Stage

# MobileNetV3-Small with a fourth of its strides, for small images, and SE in every stage.
NETWORK = keras_senet.MobileNetV3Small.replace(
    se=dataclasses.replace(keras_senet.MobileNetV3Small.se, stages=(1, 2, 3, 4, 5)),
    name="mobilenet_v3_tiny",
    stages=(
        Stage(16, (1,)),  # hard swish as in all of them
        Stage(24, (4, 3), stride=2),
        Stage(40, (3, 3, 3), kernel_size=5, stride=2),
        Stage(80, (6, 2.5, 2.3, 2.3)),
        Stage(112, (6, 6)),
    ),
    head_width=256,
    dropout=0.0,
)
