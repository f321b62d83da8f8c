"""The SE design of a network, as a value."""

import dataclasses

import keras

from keras_senet import layers
from keras_senet.architectures.attention_config import AttentionConfig

BASES = ("gated", "input")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SEConfig(AttentionConfig):
    """Which Squeeze-and-Excitation blocks a network has, and where.

    Attributes:
        reduction: Reduction ratio r of the paper; hidden width `max(1, C // r)`. Or one ratio
            for each of `stages`: `SEConfig(stages=(3, 4), reduction=(8, 16))`.
        ratio_of: Which channels C the ratio divides: `"gated"`, those that the block rescales
            (the paper), or `"input"`, those that enter its unit (RegNetY, EfficientNet).
        divisor: `None`, or an integer to whose nearest multiple the hidden width is rounded
            (timm: 8).
        round_limit: Least share of `C / r`, in 0..1, that rounding to a multiple of `divisor`
            leaves of the hidden width; where the nearest multiple is less, it is the next one.
            0.9 in MobileNetV3, 0 in timm's ResNets.
        squeeze: `"avg"`, `"max"`, `"none"` or `"conv"` (table 11, table 16).
        gate: `"sigmoid"`, `"tanh"`, `"relu"` (table 12), `"hard_sigmoid"` or `"doubled_sigmoid"`.
        activation: Activation between the two fully connected (FC) layers of a block.
        use_bias: Whether the FC layers have biases: the released models have them, the paper's
            ablations do not.
        start: Value of the gates of a new network where their kernels contribute nothing, by the
            bias of the second FC layer; `None`: a bias of 0 (the paper), with which sigmoids begin
            around 1/2 and halve every branch.
        placement: Place in a residual unit (section 6.5, figure 5): `"standard"` on the branch
            before the sum, `"pre"` on the branch's input, `"post"` after the sum and its
            activation, `"identity"` on the shortcut, `"3x3"` directly after the 3x3 convolution
            of a bottleneck. What each means in the other families, and where it is undefined:
            docs/families.md.
        stages: `None` for all stages, or the numbers of the stages with SE, such as `(3, 4)`.

    Raises:
        ValueError: If `placement`, `ratio_of`, `stages` or the number of ratios is none of these.
            The other fields are checked by `keras_senet.layers.SqueezeExcitation`.

    Example:
        >>> SEConfig(reduction=8, stages=(3, 4)).stages
        (3, 4)
    """

    reduction: float | tuple[float, ...] = 16
    ratio_of: str = "gated"
    divisor: int | None = None
    round_limit: float = 0.0
    squeeze: str = "avg"
    gate: str = "sigmoid"
    activation: str = "relu"
    use_bias: bool = True
    start: float | None = None
    placement: str = "standard"
    stages: tuple[int, ...] | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.ratio_of not in BASES:
            raise ValueError(
                f"Argument `ratio_of` must be one of {BASES}. Received: {self.ratio_of!r}"
            )
        if isinstance(self.reduction, tuple) and (
            self.stages is None or len(self.stages) != len(self.reduction)
        ):
            raise ValueError(
                "A tuple of ratios in `reduction` needs as many `stages`. Received: "
                f"reduction={self.reduction}, stages={self.stages}"
            )

    def ratio(self, stage: int) -> float:
        """Reduction ratio in the stage of this number."""
        if isinstance(self.reduction, tuple):
            return dict(zip(self.stages or (), self.reduction, strict=True))[stage]
        return self.reduction

    def layer(
        self,
        stage: int,
        channels_in: int,
        name: str,
        dtype: str | keras.DTypePolicy | None = None,
    ) -> layers.ChannelAttention:
        """A new block; see `AttentionConfig.layer`."""
        return layers.SqueezeExcitation(
            reduction=self.ratio(stage),
            divisor=self.divisor,
            round_limit=self.round_limit,
            base_channels=channels_in if self.ratio_of == "input" else None,
            squeeze=self.squeeze,
            gate=self.gate,
            activation=self.activation,
            use_bias=self.use_bias,
            start=self.start,
            kernel_initializer=layers.HeNormal(),
            dtype=dtype,
            name=name,
        )
