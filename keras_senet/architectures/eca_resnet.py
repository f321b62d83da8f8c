"""ECA-ResNet, with efficient channel attention in place of SE: rows of the class `ResNet`.

Wang et al., https://arxiv.org/abs/1910.03151. timm has weights of the ResNet-D of each depth: those
of 26 and 269 layers are made for them, the others become one by `stem` and `shortcut`.
"""

from keras_senet.architectures.attention_config import ECAConfig
from keras_senet.architectures.resnet import ResNet, SEResNet50, SEResNet101

__all__ = ["ECAResNet26", "ECAResNet50", "ECAResNet101", "ECAResNet269"]

ECAResNet26 = ResNet(
    name="eca_resnet26",
    depths=(2, 2, 2, 2),
    stride_in="3x3",
    stem=(24, 32, 64),
    stem_pool="pad",
    shortcut="pool",
    se=ECAConfig(),
)
ECAResNet50 = SEResNet50.replace(name="eca_resnet50", se=ECAConfig())
ECAResNet101 = SEResNet101.replace(name="eca_resnet101", se=ECAConfig())
ECAResNet269 = ECAResNet26.replace(name="eca_resnet269", depths=(3, 30, 48, 8), stem=(32, 32, 64))
