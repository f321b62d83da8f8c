"""What the designs of channel attention share, and the three beside SE, as values."""

import dataclasses
from abc import ABC, abstractmethod

import keras

from keras_senet import layers
from keras_senet.weights.fields import settle

PLACEMENTS = ("standard", "pre", "post", "identity", "3x3")


class AttentionConfig(ABC):
    """Which blocks of channel attention a network has, and where: a frozen dataclass.

    Attributes:
        placement: Place in a residual unit, see `SEConfig`.
        stages: `None` for all stages, or the numbers of the stages with blocks, such as `(3, 4)`.

    Raises:
        ValueError: If `placement` or `stages` is none of these. The other fields are checked by
            the layer.
    """

    placement: str
    stages: tuple[int, ...] | None
    gate: str  # where it can be chosen

    def __post_init__(self):
        settle(self, dataclasses.fields(self))  # type: ignore[arg-type]
        if self.placement not in PLACEMENTS:
            raise ValueError(
                f"Argument `placement` must be one of {PLACEMENTS}. Received: {self.placement!r}"
            )
        if self.stages is not None and not (
            isinstance(self.stages, tuple)
            and all(isinstance(stage, int) and stage >= 1 for stage in self.stages)
        ):
            raise ValueError(
                "Argument `stages` must be None or a tuple of stage numbers of at least 1. "
                f"Received: {self.stages!r}"
            )

    def covers(self, stage: int | None) -> bool:
        """Whether the stage of this number has blocks."""
        return self.stages is None or stage in self.stages

    @abstractmethod
    def layer(
        self,
        stage: int,
        channels_in: int,
        name: str,
        dtype: str | keras.DTypePolicy | None = None,
    ) -> layers.ChannelAttention:
        """A new block.

        Args:
            stage: Number of its stage.
            channels_in: Channels that enter its unit.
            name: Its name.
            dtype: Its dtype policy, or `None` for the global one.
        """

    def as_identity(self) -> "AttentionConfig":
        """This design with a gate that is exactly 1 at 0.

        Raises:
            ValueError: If its gate has another shape than a sigmoid.
        """
        if self.gate not in ("sigmoid", "doubled_sigmoid"):
            raise ValueError(
                "A block that starts as the identity needs a sigmoid, which is doubled to be 1 at "
                f"0. Received: gate={self.gate!r}. Pass gate='sigmoid' to its design."
            )
        return dataclasses.replace(self, gate="doubled_sigmoid")  # type: ignore[type-var]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ECAConfig(AttentionConfig):
    """Efficient channel attention in a network: `keras_senet.layers.EfficientChannelAttention`.

    Attributes:
        kernel_size: Channels that a gate depends on, an odd number; `None`: by their number.
        gate: `"sigmoid"` (the paper), `"tanh"`, `"relu"`, `"hard_sigmoid"`, `"doubled_sigmoid"`.
        placement: Place in a residual unit, see `SEConfig`.
        stages: `None` for all stages, or the numbers of the stages with ECA, such as `(3, 4)`.

    Raises:
        ValueError: If `placement` or `stages` is none of these. The other fields are checked by
            the layer.

    Reference:
        Wang et al., https://arxiv.org/abs/1910.03151.

    Example:
        >>> model = keras_senet.SEResNet20.replace(se=ECAConfig())()
    """

    kernel_size: int | None = None
    gate: str = "sigmoid"
    placement: str = "standard"
    stages: tuple[int, ...] | None = None

    def layer(
        self,
        stage: int,
        channels_in: int,
        name: str,
        dtype: str | keras.DTypePolicy | None = None,
    ) -> layers.ChannelAttention:
        """A new block; see `AttentionConfig.layer`."""
        return layers.EfficientChannelAttention(
            self.kernel_size,
            gate=self.gate,
            kernel_initializer=layers.HeNormal(),
            dtype=dtype,
            name=name,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ESEConfig(AttentionConfig):
    """Effective SE in a network: `keras_senet.layers.EffectiveSE`.

    Attributes:
        gate: `"hard_sigmoid"` (the authors' code), `"sigmoid"`, `"tanh"`, `"relu"`,
            `"doubled_sigmoid"`.
        placement: Place in a residual unit, see `SEConfig`.
        stages: `None` for all stages, or the numbers of the stages with eSE, such as `(3, 4)`.

    Raises:
        ValueError: If `placement` or `stages` is none of these. The gate is checked by the layer.

    Reference:
        Lee and Park, https://arxiv.org/abs/1911.06667.

    Example:
        >>> model = keras_senet.SEResNet20.replace(se=ESEConfig())()
    """

    gate: str = "hard_sigmoid"
    placement: str = "standard"
    stages: tuple[int, ...] | None = None

    def layer(
        self,
        stage: int,
        channels_in: int,
        name: str,
        dtype: str | keras.DTypePolicy | None = None,
    ) -> layers.ChannelAttention:
        """A new block; see `AttentionConfig.layer`."""
        return layers.EffectiveSE(
            gate=self.gate, kernel_initializer=layers.HeNormal(), dtype=dtype, name=name
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SCSEConfig(AttentionConfig):
    """Concurrent spatial and channel SE in a network: `keras_senet.layers.SpatialChannelSE`.

    Attributes:
        reduction: Reduction ratio r of its channel gates.
        combination: `"add"` (the paper) or `"max"`.
        placement: Place in a residual unit, see `SEConfig`.
        stages: `None` for all stages, or the numbers of the stages with scSE, such as `(3, 4)`.

    Raises:
        ValueError: If `placement` or `stages` is none of these. The other fields are checked by
            the layer.

    Reference:
        Roy et al., https://arxiv.org/abs/1803.02579.

    Example:
        >>> model = keras_senet.SEResNet20.replace(se=SCSEConfig(reduction=2))()
    """

    reduction: float = 16
    combination: str = "add"
    placement: str = "standard"
    stages: tuple[int, ...] | None = None

    def layer(
        self,
        stage: int,
        channels_in: int,
        name: str,
        dtype: str | keras.DTypePolicy | None = None,
    ) -> layers.ChannelAttention:
        """A new block; see `AttentionConfig.layer`."""
        return layers.SpatialChannelSE(
            self.reduction,
            self.combination,
            kernel_initializer=layers.HeNormal(),
            dtype=dtype,
            name=name,
        )

    def as_identity(self) -> "SCSEConfig":
        """This design, whose two sigmoids are exactly 1 in sum at 0.

        Raises:
            ValueError: If their maximum is taken, which is 1/2.
        """
        if self.combination != "add":
            raise ValueError(
                "An scSE block that starts as the identity needs combination='add'. Received: "
                f"combination={self.combination!r}"
            )
        return self
