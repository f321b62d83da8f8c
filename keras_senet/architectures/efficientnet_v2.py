"""EfficientNetV2: fused units without SE in the early stages, inverted ones with SE after them.

B0 to B3, S, M, L and XL are the authors'; RWT, RWS, RWM and Test are timm's, which has weights for
them: `efficientnetv2_rw_s` was made from the paper's table, before the authors' code was public;
`test_efficientnet`, of 0.36 M parameters, is for the tests of programs that load networks.
"""

from functools import partial

from keras_senet.architectures.efficientnet import EfficientNet, Stage, native
from keras_senet.weights.preprocessing import INCEPTION

__all__ = [
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2L",
    "EfficientNetV2M",
    "EfficientNetV2RWM",
    "EfficientNetV2RWS",
    "EfficientNetV2RWT",
    "EfficientNetV2S",
    "EfficientNetV2Test",
    "EfficientNetV2XL",
]

_Conv = partial(Stage, block="conv")
_Fused = partial(Stage, block="fused", stride=2, expansion=4)

# Tan and Le, https://arxiv.org/abs/2104.00298: table 4 is S. The others are those of the authors'
# code, https://github.com/google/automl/tree/master/efficientnetv2.
BASE = (
    _Conv(16, 1),
    _Fused(32, 2),
    _Fused(48, 2),
    Stage(96, 3, stride=2, expansion=4),
    Stage(112, 5),
    Stage(192, 8, stride=2),
)
S = (
    _Conv(24, 2),
    _Fused(48, 4),
    _Fused(64, 4),
    Stage(128, 6, stride=2, expansion=4),
    Stage(160, 9),
    Stage(256, 15, stride=2),
)
M = (
    _Conv(24, 3),
    _Fused(48, 5),
    _Fused(80, 5),
    Stage(160, 7, stride=2, expansion=4),
    Stage(176, 14),
    Stage(304, 18, stride=2),
    Stage(512, 5),
)
L = (
    _Conv(32, 4),
    _Fused(64, 7),
    _Fused(96, 7),
    Stage(192, 10, stride=2, expansion=4),
    Stage(224, 19),
    Stage(384, 25, stride=2),
    Stage(640, 7),
)
XL = (
    _Conv(32, 4),
    _Fused(64, 8),
    _Fused(96, 8),
    Stage(192, 16, stride=2, expansion=4),
    Stage(256, 24),
    Stage(512, 32, stride=2),
    Stage(640, 8),
)
# timm's S and M: the first units are fused, without expansion.
RWS = (_Fused(24, 2, stride=1, expansion=1), *S[1:5], Stage(272, 15, stride=2))
RWM = (
    _Fused(24, 3, stride=1, expansion=1),
    _Fused(48, 5),
    _Fused(64, 5),
    Stage(128, 8, stride=2, expansion=4),
    Stage(160, 15),
    Stage(272, 24, stride=2),
)
# timm's test_efficientnet.
TEST = (
    _Conv(16, 1),
    _Fused(24, 1),
    _Fused(32, 1),
    Stage(48, 1, stride=2, expansion=4),
    Stage(64, 1, stride=2, expansion=4),
)

EfficientNetV2B0 = EfficientNet(
    name="efficientnet_v2_b0", stages=BASE, round_limit=0.0, se=native((4, 5, 6))
)
EfficientNetV2B1 = EfficientNetV2B0.replace(name="efficientnet_v2_b1", depth=1.1, input_size=240)
EfficientNetV2B2 = EfficientNetV2B0.replace(
    name="efficientnet_v2_b2", width=1.1, depth=1.2, input_size=260, dropout=0.3
)
EfficientNetV2B3 = EfficientNetV2B0.replace(
    name="efficientnet_v2_b3", width=1.2, depth=1.4, input_size=300, dropout=0.3
)
EfficientNetV2S = EfficientNet(
    name="efficientnet_v2_s",
    stages=S,
    stem=24,
    input_size=384,
    preprocessing=INCEPTION,
    se=native((4, 5, 6)),
)
EfficientNetV2M = EfficientNetV2S.replace(
    name="efficientnet_v2_m", stages=M, input_size=480, dropout=0.3, se=native((4, 5, 6, 7))
)
EfficientNetV2L = EfficientNetV2M.replace(name="efficientnet_v2_l", stages=L, stem=32, dropout=0.4)
EfficientNetV2XL = EfficientNetV2L.replace(name="efficientnet_v2_xl", stages=XL, input_size=512)

_timm = partial(EfficientNet, stem=24, padding="torch", epsilon=1e-5, se=native((4, 5, 6)))
EfficientNetV2RWT = _timm(
    name="efficientnet_v2_rwt", stages=S, width=0.8, depth=0.9, head_width=1024, input_size=288
)
EfficientNetV2RWS = _timm(name="efficientnet_v2_rws", stages=RWS, head_width=1792, input_size=384)
EfficientNetV2RWM = _timm(
    name="efficientnet_v2_rwm", stages=RWM, width=1.2, head_width=1792, input_size=416
)
EfficientNetV2Test = _timm(
    name="efficientnet_v2_test", stages=TEST, head_width=256, input_size=160, se=native((4, 5))
)
