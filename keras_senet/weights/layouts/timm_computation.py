"""Whether timm computes what a model does: names and shapes show neither gates nor poolings."""

import math

from keras_senet.layers import ChannelAttention, EfficientChannelAttention
from keras_senet.weights.layouts import timm

OTHERS = {"ECAConfig": "sigmoid", "ESEConfig": "hard_sigmoid"}  # designs and their gates in timm
ADVICE = "Use layout='keras_senet' for a file that only this package reads."

# No tensor shows strides, activations or padding: what timm's networks have, by the tables that
# they are made of.
SAME, TORCH = ("same", 1e-3), ("torch", 1e-5)  # padding and epsilon
# MobileNetV3 small and large: strides, and activations but for the minimalistic networks.
MOBILENET_V3 = {
    5: ((2, 2, 2, 1, 2), ("relu",) * 2 + ("hard_swish",) * 3),
    6: ((1, 2, 2, 2, 1, 2), ("relu",) * 3 + ("hard_swish",) * 3),
}
MOBILENET_V3_SAME = {(16, 24, 40, 48, 96), (16, 24, 40, 80, 112, 160)}  # filters of `tf_` networks
# EfficientNet: strides, but for those of five stages, test_efficientnet.
STRIDES = (1, 2, 2, 2, 1, 2, 1)
STRIDES_OF_FIVE = (1, 2, 2, 2, 2)
# Filters and units of the tables that `tf_` networks are made of: B0, and V2-B0, S, M, L and XL.
V2_B0 = ((16, 32, 48, 96, 112, 192), (1, 2, 2, 3, 5, 8))
EFFICIENTNET_SAME = {
    ((16, 24, 40, 80, 112, 192, 320), (1, 2, 2, 3, 3, 4, 1)),
    V2_B0,
    ((24, 48, 64, 128, 160, 256), (2, 4, 4, 6, 9, 15)),
    ((24, 48, 80, 160, 176, 304, 512), (3, 5, 5, 7, 14, 18, 5)),
    ((32, 64, 96, 192, 224, 384, 640), (4, 7, 7, 10, 19, 25, 7)),
    ((32, 64, 96, 192, 256, 512, 640), (4, 8, 8, 16, 24, 32, 8)),
}
V2_T = (0.8, 0.9, 1024)  # width, depth and head of efficientnetv2_rw_t, of the table of S


def layout_for(model, computation):
    """The `Layout` in which timm has a network that computes what `model` does.

    Args:
        model: A `keras.Model` that an architecture built.
        computation: Dict `"computation"` of its description; see `fingerprint.describe`.

    Raises:
        ValueError: If timm has no such network, or computes something else; the message names the
            field.
    """
    if not any(layer.name == "head" for layer in model.layers):
        raise ValueError(
            f"{model.name!r} has no classifier to export. Use include_top=True, or "
            "layout='keras_senet'."
        )
    if computation["family"] == "MobileNetV3":
        _check_mobilenet(model, computation)
        return timm.MOBILENET_V3
    if computation["family"] == "EfficientNet":
        return _efficientnet(model, computation)
    if computation["family"] == "RegNet":
        _check_output_stride(model, computation)
        _check_regnet(model, computation)
        return timm.REGNET
    if computation["family"] != "ResNet":
        raise ValueError(
            f"timm has no layout for {model.name!r}. Expected a network of ResNet, RegNet, "
            "EfficientNet or MobileNetV3, or layout='keras_senet'."
        )
    _check_output_stride(model, computation)
    _check_resnet(model, computation)
    if computation["stem_pool"] == "conv":
        return timm.RESNET_RS
    if computation["stem_pool"] == "ceil":
        return timm.LEGACY_RESNET
    return timm.RESNET_D if computation["shortcut"] == "pool" else timm.RESNET


def _check_output_stride(model, computation):
    stride = computation.get("output_stride", 32)
    if stride != 32:
        _refuse(model, "output_stride", stride, 32)


def _check_resnet(model, computation):
    """Refuses residual networks for which timm computes something else, with the field's name."""
    legacy = computation["stem_pool"] == "ceil"
    blocks = [layer for layer in model.layers if isinstance(layer, ChannelAttention)]
    kind = (computation["se"] or {}).get("design")
    if kind in OTHERS and computation["stem_pool"] in ("pad", "avg"):
        _check_other(model, computation, blocks, kind)
    else:
        _check_se(model, computation, blocks, gate="sigmoid", placement="standard")
        _check_widths(model, computation, blocks, legacy)
    if legacy and not blocks:
        raise ValueError(
            f"{model.name!r} has Caffe's stem pooling and no SE, which timm has no network for. "
            + ADVICE
        )
    _check_units(model, blocks, sum(computation["depths"]))
    basic = computation["block"] == "basic"
    if not basic:
        _check_stride(model, computation, legacy)
    elif computation["stem_pool"] in ("avg", "conv"):
        _refuse(model, "stem_pool of basic blocks", computation["stem_pool"], "'pad' or 'ceil'")
    if basic and computation["relu_before_se"] != (legacy and basic):
        _refuse(model, "relu_before_se", computation["relu_before_se"], legacy)
    if computation["stem_pool"] == "conv" and (
        computation["shortcut"] != "pool" or len(computation["stem"]) != 3
    ):
        found = computation["shortcut"], computation["stem"]
        _refuse(model, "shortcut and stem of stem_pool 'conv'", found, "'pool' and three filters")
    if legacy and computation["shortcut"] == "pool":
        _refuse(model, "shortcut", "pool", "'1x1' or '3x3' with stem_pool 'ceil'")


def _check_widths(model, computation, blocks, legacy):
    ratio = 4 if computation["stem_pool"] == "conv" else 16  # in ResNet-RS, in the others
    for layer in blocks:
        channels = layer.expand.filters
        width = channels // 16 if legacy else max(8, (channels // ratio + 4) // 8 * 8)
        if layer.reduce.filters != width:
            _refuse(model, "hidden width of SE (reduction, divisor)", layer.reduce.filters, width)


def _check_other(model, computation, blocks, kind):
    """Refuses ECA and eSE of which timm has other ones."""
    for field, value in {"gate": OTHERS[kind], "placement": "standard"}.items():
        if computation["se"][field] != value:
            _refuse(model, f"{kind} {field}", computation["se"][field], repr(value))
    for layer in blocks if kind == "ECAConfig" else ():
        unit = layer.name.removesuffix("_se")
        last = 3 if computation["block"] == "bottleneck" else 2
        width = EfficientChannelAttention().kernel_width(
            model.get_layer(f"{unit}_conv{last}").filters
        )
        if layer.conv.kernel.shape[0] != width:
            _refuse(model, "kernel_size of ECA", layer.conv.kernel.shape[0], width)


def _check_units(model, blocks, units):
    if blocks and len(blocks) != units:
        _refuse(model, "SE blocks (stages)", len(blocks), f"in all {units} units, or in none")


def _check_regnet(model, computation):
    """Refuses a RegNet for which timm computes something else, with the field's name."""
    blocks = [layer for layer in model.layers if isinstance(layer, ChannelAttention)]
    _check_se(model, computation, blocks, gate="sigmoid", placement="3x3")
    _check_units(model, blocks, computation["depth"])
    stages = {layer.name[: len("stage1")] for layer in model.layers if layer.name[:5] == "stage"}
    if len(stages) != 4:
        _refuse(model, "stages (w0, wa, wm, depth)", len(stages), 4)
    for layer in blocks:
        unit = layer.name.removesuffix("_se")
        # Of the channels that enter the unit, as Python rounds.
        width = round(model.get_layer(f"{unit}_conv1").kernel.shape[2] / 4)
        if layer.reduce.filters != width:
            _refuse(model, "hidden width of SE (reduction, ratio_of)", layer.reduce.filters, width)


def _check_stride(model, computation, legacy):
    if computation["stem_pool"] == "avg":
        expected = "pool"
    else:
        expected = "1x1" if legacy and computation["groups"] == 1 else "3x3"
    if computation["stride_in"] != expected:
        where = f"stem_pool {computation['stem_pool']!r} and groups {computation['groups']}"
        _refuse(model, f"stride_in of {where}", computation["stride_in"], repr(expected))


def _check_mobilenet(model, computation):
    """Refuses a MobileNetV3 for which timm computes something else, with the field's name."""
    blocks = [layer for layer in model.layers if isinstance(layer, ChannelAttention)]
    _check_se(model, computation, blocks, gate="hard_sigmoid", placement="3x3")
    for layer in blocks:
        width = layer.expand.filters / 4
        nearest = max(8, int(width + 4) // 8 * 8)
        expected = nearest if nearest >= 0.9 * width else nearest + 8
        if layer.reduce.filters != expected:
            _refuse(
                model, "hidden width of SE (reduction, divisor)", layer.reduce.filters, expected
            )
    rows = computation["stages"]
    if len(rows) not in MOBILENET_V3:
        _refuse(model, "stages", len(rows), "5 or 6")
    strides, activations = MOBILENET_V3[len(rows)]
    _check_column(model, rows, "stride", strides)
    minimalistic = computation["activation"] == "relu"
    _check_column(model, rows, "activation", ("relu",) * len(rows) if minimalistic else activations)
    if computation["activation"] not in ("relu", "hard_swish"):
        _refuse(model, "activation", computation["activation"], "'relu' or 'hard_swish'")
    as_published = tuple(row["filters"] for row in rows) in MOBILENET_V3_SAME
    paddings = [SAME] if as_published and computation["alpha"] in (0.75, 1) else []
    _check_padding(model, computation, paddings + ([] if minimalistic else [TORCH]))


def _efficientnet(model, computation):
    """The layout of an EfficientNet; refuses those for which timm computes something else."""
    rows = computation["stages"]
    kinds = [row["block"] for row in rows]
    is_second = kinds[0] != "inverted"
    inverted = range(4 if is_second else 1, 1 + len(rows))
    if (
        not inverted
        or kinds[inverted[0] - 1 :] != ["inverted"] * len(inverted)
        or (is_second and kinds[1:3] != ["fused", "fused"])
    ):
        _refuse(model, "blocks of the stages", kinds, "'fused' in stages 1 to 3 alone, or nowhere")
    bare = [number for number in inverted if rows[number - 1]["expansion"] == 1]
    if bare != ([] if is_second else [1]):
        _refuse(model, "inverted stages of expansion 1", bare, "[1], or none beside fused ones")
    blocks = [layer for layer in model.layers if isinstance(layer, ChannelAttention)]
    found = computation["se"] and computation["se"]["stages"]
    is_mnasnet = not is_second and tuple(found or ()) in timm.MNASNET_SE_STAGES
    stages = found if is_mnasnet else list(inverted)
    activation = "relu" if is_mnasnet else "silu"
    # 'swish' is Keras' other name of 'silu'.
    if computation["activation"].replace("swish", "silu") != activation:
        _refuse(model, "activation", computation["activation"], repr(activation))
    tables = [row for number, row in enumerate(rows, 1) if number in stages]
    units = sum(math.ceil(row["depth"] * computation["depth"]) for row in tables)
    if found != stages or len(blocks) != units:
        expected = f"{units} in stages {stages}, one in each unit"
        _refuse(model, "SE blocks", f"{len(blocks)} in stages {found}", expected)
    _check_se(model, computation, blocks, "sigmoid", "3x3", activation)
    for layer in blocks:
        expansion = rows[int(layer.name[len("stage")]) - 1]["expansion"]
        width = layer.expand.filters // expansion // 4
        if layer.reduce.filters != width:
            _refuse(model, "hidden width of SE (reduction, ratio_of)", layer.reduce.filters, width)
    five = is_second and len(rows) == 5
    _check_column(model, rows, "stride", STRIDES_OF_FIVE if five else STRIDES[: len(rows)])
    table = tuple(tuple(row[field] for row in rows) for field in ("filters", "depth"))
    scaled = tuple(computation[field] for field in ("width", "depth", "head_width"))
    paddings = [SAME] if table in EFFICIENTNET_SAME and scaled != V2_T else []
    _check_padding(model, computation, paddings + ([] if table == V2_B0 else [TORCH]))
    return timm.EFFICIENTNET_V2 if is_second else timm.EFFICIENTNET


def _check_column(model, rows, field, expected):
    """Refuses a table of stages whose values of one field are not timm's."""
    found = tuple(row[field] for row in rows)
    if found != expected:
        _refuse(model, f"{field} of the stages", found, expected)


def _check_padding(model, computation, expected):
    """Refuses padding and epsilon that timm has no such network with."""
    padded = (computation["padding"], round(computation["epsilon"], 7))
    if padded not in expected:
        texts = " or ".join(map(str, expected)) or "others"
        _refuse(model, "padding and epsilon", padded, texts)


def _check_se(model, computation, blocks, gate, placement, activation="relu"):
    if not blocks:
        return
    se = computation["se"]
    if se is None:
        raise ValueError(f"{model.name!r} got SE blocks after it was built. {ADVICE}")
    expected = {
        "design": "SEConfig",
        "gate": gate,
        "squeeze": "avg",
        "activation": activation,
        "placement": placement,
    }
    for field, value in expected.items():
        if se[field] != value:
            _refuse(model, f"SE {field}", se[field], repr(value))
    if not all(layer.use_bias for layer in blocks):
        _refuse(model, "SE use_bias", False, True)


def _refuse(model, field, value, expected):
    raise ValueError(
        f"timm computes {model.name!r} otherwise: its networks have {field} {expected}. Received: "
        f"{field} {value!r}. {ADVICE}"
    )
