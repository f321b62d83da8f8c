"""The paper's costs with ours beside them: `python -m keras_senet.analysis.costs.paper`."""

import dataclasses
import functools

import keras_senet
from keras_senet import mistakes
from keras_senet.analysis.costs.model_cost import cost
from keras_senet.analysis.costs.shapes import shapes_of
from keras_senet.architectures import Architecture, SEConfig


@dataclasses.dataclass(frozen=True)
class Row:
    """One figure of the paper.

    Attributes:
        table: Number of the table in the journal version, https://arxiv.org/abs/1709.01507v4.
        label: Name of the row in that table.
        network: Our variant.
        macs: Multiply-adds printed, or `None`.
        parameters: Parameters printed, or `None`.
        note: Why our count differs by more than the rounding, where it does.
    """

    table: int
    label: str
    network: Architecture
    macs: float | None = None
    parameters: float | None = None
    note: str = ""


def ablated(**changes):
    """The SE design of the ablations, tables 10 to 16, with these fields changed: without biases.

    The paper does not say whether the blocks of its other tables have biases.
    """
    return SEConfig(use_bias=False, **changes)


def _ablation(**changes):
    return keras_senet.SEResNet50.replace(se=ablated(**changes))


# Rounded from the sum of rounded parts: 25.6 M and the SE weights.
SUM_OF_ROUNDED = "printed as 25.6 M plus the SE weights; 25.557 M is exact"
BACKBONE = (
    "no known layout of Inception-ResNet-v2 has 11.75 G at 299 pixels; ours is that of "
    "keras.applications"
)
TRUNCATED = "the paper truncates: 1.866 M is printed as 1.8 M, 2.48 M as 2.4 M"
SHUFFLE = "140 M is the ShuffleNet paper's own round figure; what SE adds, 2.2 M, agrees"

ROWS = (
    Row(2, "ResNet-50", keras_senet.ResNet50, 3.86e9),
    Row(2, "SE-ResNet-50", keras_senet.SEResNet50, 3.87e9),
    Row(2, "ResNet-101", keras_senet.ResNet101, 7.58e9),
    Row(2, "SE-ResNet-101", keras_senet.SEResNet101, 7.60e9),
    Row(2, "ResNet-152", keras_senet.ResNet152, 11.30e9),
    Row(2, "SE-ResNet-152", keras_senet.SEResNet152, 11.32e9),
    Row(2, "ResNeXt-50", keras_senet.ResNeXt50, 4.24e9),
    Row(2, "SE-ResNeXt-50", keras_senet.SEResNeXt50, 4.25e9),
    Row(2, "ResNeXt-101", keras_senet.ResNeXt101, 7.99e9),
    Row(2, "SE-ResNeXt-101", keras_senet.SEResNeXt101, 8.00e9),
    Row(2, "VGG-16", keras_senet.VGG16, 15.47e9),
    Row(2, "SE-VGG-16", keras_senet.SEVGG16, 15.48e9),
    Row(2, "BN-Inception", keras_senet.BNInception, 2.03e9),
    Row(2, "SE-BN-Inception", keras_senet.SEBNInception, 2.04e9),
    Row(2, "Inception-ResNet-v2", keras_senet.InceptionResNetV2, 11.75e9, note=BACKBONE),
    Row(2, "SE-Inception-ResNet-v2", keras_senet.SEInceptionResNetV2, 11.76e9, note=BACKBONE),
    Row(3, "MobileNet", keras_senet.MobileNet, 569e6, 4.2e6),
    Row(3, "SE-MobileNet", keras_senet.SEMobileNet, 572e6, 4.7e6),
    Row(3, "ShuffleNet", keras_senet.ShuffleNet, 140e6, 1.8e6, f"{SHUFFLE}; {TRUNCATED}"),
    Row(3, "SE-ShuffleNet", keras_senet.SEShuffleNet, 142e6, 2.4e6, f"{SHUFFLE}; {TRUNCATED}"),
    Row(10, "r = 2", _ablation(reduction=2), None, 45.7e6),
    Row(10, "r = 4", _ablation(reduction=4), None, 35.7e6, SUM_OF_ROUNDED),
    Row(10, "r = 8", _ablation(reduction=8), None, 30.7e6, "fits no rule; 30.59 M is exact"),
    Row(10, "r = 16", _ablation(), None, 28.1e6),
    Row(10, "r = 32", _ablation(reduction=32), None, 26.9e6, SUM_OF_ROUNDED),
    Row(10, "no SE", keras_senet.ResNet50, None, 25.6e6),
    Row(13, "stage 2", _ablation(stages=(2,)), 3.86e9, 25.6e6),
    Row(13, "stage 3", _ablation(stages=(3,)), 3.86e9, 25.7e6),
    Row(13, "stage 4", _ablation(stages=(4,)), 3.86e9, 26.4e6, SUM_OF_ROUNDED),
    Row(13, "all stages", _ablation(), 3.87e9, 28.1e6),
    Row(14, "SE", _ablation(), 3.87e9, 28.1e6),
    Row(14, "PRE", _ablation(placement="pre")),
    Row(14, "POST", _ablation(placement="post")),
    Row(14, "Identity", _ablation(placement="identity")),
    Row(15, "3x3", _ablation(placement="3x3"), 3.86e9, 25.8e6, SUM_OF_ROUNDED),
    Row(16, "NoSqueeze", _ablation(squeeze="none"), 4.27e9, 28.1e6),
)


@functools.cache
def cost_of(network):
    """The `Cost` of an architecture's default model, of which only the shapes are built, once."""
    return cost(shapes_of(network))


def counts(row):
    """Our multiply-adds and parameters for a row of the paper.

    The paper's multiply-adds of SE networks include the additions of the squeeze; so do these.
    """
    counted = cost_of(row.network)
    return counted.macs + counted.se.additions, counted.parameters


def main(arguments=None):
    """Prints all rows."""
    mistakes.Parser(prog="python -m keras_senet.analysis.costs.paper").parse_args(arguments)
    print(f"{'table':5}  {'network':24}{'MACs':>16}{'paper':>9}{'ratio':>8}", end="")
    print(f"{'parameters':>14}{'paper':>8}  note")
    for row in ROWS:
        macs, parameters = counts(row)
        unit = 1e6 if row.table == 3 else 1e9
        printed = "-" if row.macs is None else f"{row.macs / unit:g} {'M' if unit == 1e6 else 'G'}"
        ratio = "-" if row.macs is None else f"{macs / row.macs:.4f}"
        millions = "-" if row.parameters is None else f"{row.parameters / 1e6:g} M"
        print(f"{row.table:5}  {row.label:24}{macs:16,}{printed:>9}{ratio:>8}", end="")
        print(f"{parameters:14,}{millions:>8}  {row.note}", flush=True)


if __name__ == "__main__":
    with mistakes.said():
        main()
