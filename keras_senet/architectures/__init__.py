"""Networks as values."""

from keras_senet.architectures import (
    eca_resnet,
    efficientnet,
    efficientnet_v2,
    inception,
    inception_resnet,
    mnasnet,
    mobilenet,
    mobilenet_v3,
    regnet,
    resnet,
    resnet_cifar,
    resnet_rs,
    shufflenet,
    tinynet,
    vgg,
)
from keras_senet.architectures.architecture import Architecture
from keras_senet.architectures.attention_config import (
    AttentionConfig,
    ECAConfig,
    ESEConfig,
    SCSEConfig,
)
from keras_senet.architectures.eca_resnet import *
from keras_senet.architectures.efficientnet import *
from keras_senet.architectures.efficientnet_v2 import *
from keras_senet.architectures.inception import *
from keras_senet.architectures.inception_resnet import *
from keras_senet.architectures.mnasnet import *
from keras_senet.architectures.mobilenet import *
from keras_senet.architectures.mobilenet_v3 import *
from keras_senet.architectures.regnet import *
from keras_senet.architectures.resnet import *
from keras_senet.architectures.resnet_cifar import *
from keras_senet.architectures.resnet_rs import *
from keras_senet.architectures.se_config import SEConfig
from keras_senet.architectures.shufflenet import *
from keras_senet.architectures.tinynet import *
from keras_senet.architectures.vgg import *

__all__ = ["Architecture", "AttentionConfig", "ECAConfig", "ESEConfig", "SCSEConfig", "SEConfig"]
__all__ += eca_resnet.__all__
__all__ += efficientnet.__all__
__all__ += efficientnet_v2.__all__
__all__ += inception.__all__
__all__ += inception_resnet.__all__
__all__ += mnasnet.__all__
__all__ += mobilenet.__all__
__all__ += mobilenet_v3.__all__
__all__ += regnet.__all__
__all__ += resnet.__all__
__all__ += resnet_cifar.__all__
__all__ += resnet_rs.__all__
__all__ += shufflenet.__all__
__all__ += tinynet.__all__
__all__ += vgg.__all__
