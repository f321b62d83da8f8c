"""ResNet-RS: a ResNet-D with a convolution in place of the stem's pooling, and wider SE."""

from keras_senet.architectures.resnet import SE_OF_RS, ResNet

__all__ = [
    "ResNetRS50",
    "ResNetRS101",
    "ResNetRS152",
    "ResNetRS200",
    "ResNetRS270",
    "ResNetRS350",
    "ResNetRS420",
]

# Images are of the size that timm's were trained on; their evaluation has larger ones.
ResNetRS50 = ResNet(
    name="resnetrs50",
    depths=(3, 4, 6, 3),
    stride_in="3x3",
    stem=(32, 32, 64),
    stem_pool="conv",
    shortcut="pool",
    se=SE_OF_RS,
    input_size=160,
)
ResNetRS101 = ResNetRS50.replace(name="resnetrs101", depths=(3, 4, 23, 3), input_size=192)
ResNetRS152 = ResNetRS50.replace(name="resnetrs152", depths=(3, 8, 36, 3), input_size=256)
ResNetRS200 = ResNetRS50.replace(name="resnetrs200", depths=(3, 24, 36, 3), input_size=256)
ResNetRS270 = ResNetRS50.replace(name="resnetrs270", depths=(4, 29, 53, 4), input_size=256)
ResNetRS350 = ResNetRS50.replace(name="resnetrs350", depths=(4, 36, 72, 4), input_size=288)
ResNetRS420 = ResNetRS50.replace(name="resnetrs420", depths=(4, 44, 87, 4), input_size=320)
