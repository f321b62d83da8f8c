"""A network's cost as a value that prints itself."""

import dataclasses
import os

from keras_senet.analysis.output import aligned, write_csv


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """One layer, or one operation of an exported file, for one image.

    Attributes:
        name: Name of the layer.
        kind: Its class.
        stage: `"stem"`, `"stage2"`, ..., `"head"`, or `"-"`.
        output_shape: Shape of the output without the batch.
        parameters: Weights, biases, gamma and beta, frozen ones too.
        statistics: Other variables (the moving means and variances).
        macs: Multiply-adds of convolutions and matrix products.
        additions: Additions of poolings, the squeeze among them.
        activations: Numbers in the output of a convolution or matrix product.
        se: Whether it belongs to an SE block.
    """

    name: str
    kind: str
    stage: str
    output_shape: tuple
    parameters: int = 0
    statistics: int = 0
    macs: int = 0
    additions: int = 0
    activations: int = 0
    se: bool = False


@dataclasses.dataclass(frozen=True)
class Cost:
    """The cost of a network for one image; `print` shows it by stage.

    The unit is the multiply-add (MAC): one multiplication and one addition. What the SE paper calls
    FLOPs are multiply-adds; where a FLOP is one operation, FLOPs = 2 MACs. Counted are convolutions
    and matrix products, those of SE included; normalization, activations, element-wise operations
    and biases are not. Poolings are counted apart, in `additions`.

    Attributes:
        name: Name of the model or file.
        layers: A `LayerCost` for each layer, in order of execution.
        peak_bytes: Most bytes that inputs and outputs of layers take at one time, if each tensor
            is freed after its last use and none is overwritten in place; `None` for a file.
    """

    name: str
    layers: tuple[LayerCost, ...]
    peak_bytes: int | None = None

    @property
    def parameters(self) -> int:
        """Weights but for moving statistics, frozen ones too."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def statistics(self) -> int:
        """Other variables; with `parameters` they are Keras' `count_params()`."""
        return sum(layer.statistics for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-adds."""
        return sum(layer.macs for layer in self.layers)

    @property
    def flops(self) -> int:
        """Operations, two for each multiply-add."""
        return 2 * self.macs

    @property
    def additions(self) -> int:
        """Additions of poolings."""
        return sum(layer.additions for layer in self.layers)

    @property
    def activations(self) -> int:
        """Numbers in the outputs of convolutions and matrix products."""
        return sum(layer.activations for layer in self.layers)

    @property
    def se(self) -> "Cost":
        """The cost of the SE blocks alone."""
        return Cost(f"{self.name}: SE", tuple(layer for layer in self.layers if layer.se))

    @property
    def stages(self) -> dict[str, "Cost"]:
        """A dictionary from the stage to its `Cost`, in order of execution."""
        names = dict.fromkeys(layer.stage for layer in self.layers)
        return {
            name: Cost(name, tuple(layer for layer in self.layers if layer.stage == name))
            for name in names
        }

    def to_dict(self) -> dict:
        """Totals, and the layers as dictionaries: ready for JSON."""
        return {
            "name": self.name,
            "parameters": self.parameters,
            "macs": self.macs,
            "additions": self.additions,
            "activations": self.activations,
            "peak_bytes": self.peak_bytes,
            "se": {"parameters": self.se.parameters, "macs": self.se.macs},
            "layers": [dataclasses.asdict(layer) for layer in self.layers],
        }

    def to_csv(self, path: str | os.PathLike) -> None:
        """Writes one row for each layer."""
        write_csv(path, [dataclasses.asdict(layer) for layer in self.layers])

    def __str__(self):
        rows = [("", "parameters", "SE", "MACs", "SE", "additions", "activations")]
        for name, part in [*self.stages.items(), ("total", self)]:
            rows.append(
                (
                    name,
                    f"{part.parameters:,}",
                    _share(part.se.parameters, part.parameters),
                    f"{part.macs:,}",
                    _share(part.se.macs, part.macs),
                    f"{part.additions:,}",
                    f"{part.activations:,}",
                )
            )
        title = f"{self.name}: {self.macs / 1e9:.3f} GMACs ({self.flops / 1e9:.3f} GFLOPs)"
        title += f", {self.parameters / 1e6:.3f} M parameters"
        if self.peak_bytes is not None:
            title += f", {self.peak_bytes / 2**20:.1f} MiB of activations at the peak"
        return f"{title}\n{aligned(rows)}"


def _share(part, whole):
    return f"{part / whole:.2%}" if part else "-"
