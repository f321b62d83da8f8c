"""RegNetY, with its native SE, and RegNetX, without."""

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator
from functools import partial

import keras

from keras_senet.architectures.attention_config import AttentionConfig
from keras_senet.architectures.blocks import conv_norm, residual_unit, squeeze_excite
from keras_senet.architectures.dilated import Dilated
from keras_senet.architectures.se_config import SEConfig
from keras_senet.weights.layouts import timm
from keras_senet.weights.layouts.layout import Layout

__all__ = [
    "RegNet",
    "RegNetX002",
    "RegNetX004",
    "RegNetX004TV",
    "RegNetX006",
    "RegNetX008",
    "RegNetX016",
    "RegNetX032",
    "RegNetX040",
    "RegNetX064",
    "RegNetX080",
    "RegNetX120",
    "RegNetX160",
    "RegNetX320",
    "RegNetY002",
    "RegNetY004",
    "RegNetY006",
    "RegNetY008",
    "RegNetY008TV",
    "RegNetY016",
    "RegNetY032",
    "RegNetY040",
    "RegNetY064",
    "RegNetY080",
    "RegNetY080TV",
    "RegNetY120",
    "RegNetY160",
    "RegNetY320",
    "RegNetY640",
    "RegNetY1280",
]

STEM_FILTERS = 32
# SE of RegNetY: after the 3x3 convolution, at a quarter of the channels that enter the unit.
NATIVE = SEConfig(reduction=4, ratio_of="input", placement="3x3")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RegNet(Dilated):
    """Residual networks whose widths follow a line: `u_j = w0 + wa * j` in unit j.

    Each `u_j` goes to the nearest `w0 * wm ** s` of an integer s, rounded to a multiple of 8. Units
    of one width are a stage, and its width is rounded to a multiple of its group.

    Attributes:
        w0: Channels of the first unit, a multiple of 8.
        wa: Slope of the line in channels for each unit.
        wm: Factor between the widths of stages, above 1.
        depth: Units in all stages.
        group: Channels of each group of the 3x3 convolutions.
        round_limit: Least share of a stage's width, in 0..1, that rounding to a multiple of
            the group leaves; where the nearest multiple is less, it is the next one. 0.9 in
            torchvision's networks, 0 in the others.

    Raises:
        ValueError: If a field is none of these.

    Reference:
        Radosavovic et al., https://arxiv.org/abs/2003.13678, equations 2 to 4, section 5 and
        tables 8 and 9 of the appendix (X and Y: the latter has SE).

    Example:
        >>> keras_senet.RegNetY016.depths, keras_senet.RegNetY016.widths
        ((2, 6, 17, 2), (48, 120, 336, 888))
    """

    w0: int
    wa: float
    wm: float
    depth: int
    group: int
    round_limit: float = 0.0
    se: AttentionConfig | None = NATIVE

    def __post_init__(self):
        super().__post_init__()
        whole = all(isinstance(x, int) and x > 0 for x in (self.w0, self.depth, self.group))
        if not whole or self.w0 % 8 or self.wa < 0 or self.wm <= 1:
            raise ValueError(
                "Fields `w0` (a multiple of 8), `depth` and `group` must be integers above 0, "
                f"`wa` at least 0 and `wm` above 1. Received: w0={self.w0!r}, wa={self.wa!r}, "
                f"wm={self.wm!r}, depth={self.depth!r}, group={self.group!r}"
            )

    @property
    def _stages(self):
        """Units by width before it is rounded to groups, in order (equations 2 to 4)."""
        line = (1 + self.wa * unit / self.w0 for unit in range(self.depth))
        exponents = (round(math.log(u) / math.log(self.wm)) for u in line)
        return Counter(8 * round(self.w0 * self.wm**exponent / 8) for exponent in exponents)

    @property
    def depths(self) -> tuple[int, ...]:
        """Units in each stage."""
        return tuple(self._stages.values())

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each stage, multiples of its group."""
        return tuple(self._fitted(width) for width in self._stages)

    def _fitted(self, width):
        group = min(self.group, width)
        if not self.round_limit:
            return group * round(width / group)
        nearest = max(group, (width + group // 2) // group * group)  # ties go up
        return nearest if nearest >= self.round_limit * width else nearest + group

    @property
    def se_stages(self) -> tuple[int, ...]:
        """The stages of one width, from 1."""
        return tuple(range(1, 1 + len(self.depths)))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The stem (stride 2) and the last units of the stages (strides 4 to 32)."""
        lasts = (f"stage{stage}_block{depth}" for stage, depth in enumerate(self.depths, 1))
        return ("stem", *lasts)

    @property
    def released_fields(self) -> dict[Layout, dict]:
        """The SE design."""
        return {timm.REGNET: {"se": NATIVE}}

    def backbone(self, x: keras.KerasTensor) -> Iterator[keras.KerasTensor]:
        """Stem and stages, each half in size: `(N, H, W, 3)` to `(N, H / 32, W / 32, C)`."""
        x = conv_norm(x, STEM_FILTERS, 3, "stem_conv", stride=2, last="stem")
        yield x
        drop_rates = iter(self._drop_rates(self.depth))
        scales = self._scales(2, len(self.depths) * (2,))
        stages = zip(self.depths, self.widths, scales, strict=True)
        for stage, (depth, width, scale) in enumerate(stages, 1):
            for index in range(1, depth + 1):
                name = f"stage{stage}_block{index}"
                x = self._unit(x, width, scale.unit(index), stage, name, next(drop_rates))
            yield x

    def _unit(self, x, width, scale, stage, name, drop_rate):
        """1x1, grouped 3x3, SE, 1x1, shortcut."""
        channels_in, stride = x.shape[-1], scale.stride
        groups = max(1, width // self.group)
        inner = {"stride": stride, "dilation": scale.first, "groups": groups}

        def branch(x):
            x = conv_norm(x, width, 1, f"{name}_conv1")
            x = conv_norm(x, width, 3, f"{name}_conv2", **inner)
            x = squeeze_excite(x, self.se, stage, "3x3", f"{name}_se", channels_in)
            return conv_norm(x, width, 1, f"{name}_conv3", activation=None)

        shortcut = partial(_shortcut, width, stride, name)
        return residual_unit(x, branch, shortcut, self.se, stage, name, drop_rate=drop_rate)


def _shortcut(width, stride, name, x):
    """Identity, or a 1x1 convolution where the shape changes."""
    if stride == 1 and x.shape[-1] == width:
        return x
    return conv_norm(x, width, 1, f"{name}_shortcut", stride=stride, activation=None)


RegNetY002 = RegNet(name="regnety_002", w0=24, wa=36.44, wm=2.49, depth=13, group=8)
RegNetY004 = RegNet(name="regnety_004", w0=48, wa=27.89, wm=2.09, depth=16, group=8)
RegNetY006 = RegNet(name="regnety_006", w0=48, wa=32.54, wm=2.32, depth=15, group=16)
RegNetY008 = RegNet(name="regnety_008", w0=56, wa=38.84, wm=2.4, depth=14, group=16)
RegNetY016 = RegNet(name="regnety_016", w0=48, wa=20.71, wm=2.65, depth=27, group=24)
RegNetY032 = RegNet(name="regnety_032", w0=80, wa=42.63, wm=2.66, depth=21, group=24)
RegNetY040 = RegNet(name="regnety_040", w0=96, wa=31.41, wm=2.24, depth=22, group=64)
RegNetY064 = RegNet(name="regnety_064", w0=112, wa=33.22, wm=2.27, depth=25, group=72)
RegNetY080 = RegNet(name="regnety_080", w0=192, wa=76.82, wm=2.19, depth=17, group=56)
RegNetY120 = RegNet(name="regnety_120", w0=168, wa=73.36, wm=2.37, depth=19, group=112)
RegNetY160 = RegNet(name="regnety_160", w0=200, wa=106.23, wm=2.48, depth=18, group=112)
RegNetY320 = RegNet(name="regnety_320", w0=232, wa=115.89, wm=2.53, depth=20, group=232)
# Goyal et al., https://arxiv.org/abs/2103.01988 (SEER).
RegNetY640 = RegNet(name="regnety_640", w0=352, wa=147.48, wm=2.4, depth=20, group=328)
RegNetY1280 = RegNet(name="regnety_1280", w0=456, wa=160.83, wm=2.52, depth=27, group=264)
# torchvision's widths, where its rounding makes others than the paper's.
RegNetY008TV = RegNetY008.replace(name="regnety_008_tv", round_limit=0.9)
RegNetY080TV = RegNetY080.replace(name="regnety_080_tv", round_limit=0.9)

RegNetX002 = RegNet(name="regnetx_002", w0=24, wa=36.44, wm=2.49, depth=13, group=8, se=None)
RegNetX004 = RegNet(name="regnetx_004", w0=24, wa=24.48, wm=2.54, depth=22, group=16, se=None)
RegNetX006 = RegNet(name="regnetx_006", w0=48, wa=36.97, wm=2.24, depth=16, group=24, se=None)
RegNetX008 = RegNet(name="regnetx_008", w0=56, wa=35.73, wm=2.28, depth=16, group=16, se=None)
RegNetX016 = RegNet(name="regnetx_016", w0=80, wa=34.01, wm=2.25, depth=18, group=24, se=None)
RegNetX032 = RegNet(name="regnetx_032", w0=88, wa=26.31, wm=2.25, depth=25, group=48, se=None)
RegNetX040 = RegNet(name="regnetx_040", w0=96, wa=38.65, wm=2.43, depth=23, group=40, se=None)
RegNetX064 = RegNet(name="regnetx_064", w0=184, wa=60.83, wm=2.07, depth=17, group=56, se=None)
RegNetX080 = RegNet(name="regnetx_080", w0=80, wa=49.56, wm=2.88, depth=23, group=120, se=None)
RegNetX120 = RegNet(name="regnetx_120", w0=168, wa=73.36, wm=2.37, depth=19, group=112, se=None)
RegNetX160 = RegNet(name="regnetx_160", w0=216, wa=55.59, wm=2.1, depth=22, group=128, se=None)
RegNetX320 = RegNet(name="regnetx_320", w0=320, wa=69.86, wm=2.0, depth=23, group=168, se=None)
RegNetX004TV = RegNetX004.replace(name="regnetx_004_tv", round_limit=0.9)
