"""MnasNet-A1 and small, with their native SE: rows of the class `EfficientNet`.

Tan et al., https://arxiv.org/abs/1807.11626.
"""

from keras_senet.architectures.efficientnet import EfficientNet, Stage, native

__all__ = ["MnasNetA1", "MnasNetA1x075", "MnasNetSmall"]

# Figure 7.
A1 = (
    Stage(16, 1, expansion=1),
    Stage(24, 2, stride=2),
    Stage(40, 3, kernel_size=5, stride=2, expansion=3),
    Stage(80, 4, stride=2),
    Stage(112, 2),
    Stage(160, 3, kernel_size=5, stride=2),
    Stage(320, 1),
)
# `mnasnet-small` of https://github.com/tensorflow/tpu, models/official/mnasnet.
SMALL = (
    Stage(8, 1, expansion=1),
    Stage(16, 1, stride=2, expansion=3),
    Stage(16, 2, stride=2),
    Stage(32, 4, kernel_size=5, stride=2),
    Stage(32, 3),
    Stage(88, 3, kernel_size=5, stride=2),
    Stage(144, 1),
)
# timm's semnasnet_100 and semnasnet_075.
MnasNetA1 = EfficientNet(
    name="mnasnet_a1",
    stages=A1,
    activation="relu",
    padding="torch",
    epsilon=1e-5,
    stochastic_depth=0.0,
    se=native((3, 5, 6), activation="relu"),
)
MnasNetA1x075 = MnasNetA1.replace(name="mnasnet_a1x075", width=0.75)
MnasNetSmall = MnasNetA1.replace(
    name="mnasnet_small", stages=SMALL, stem=8, se=native((4, 5, 6), activation="relu")
)
