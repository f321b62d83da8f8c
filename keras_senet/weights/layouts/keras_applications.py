"""Layouts of keras.applications, as `read_applications_h5` names their tensors."""

import dataclasses

from keras_senet.weights.layouts.layout import BLOCK, Layout


def _numbered(depths, modules, first):
    """Rows for units that the file counts through all stages.

    Args:
        depths: Units in stages 1, 2, ...
        modules: Dict from suffixes of our layers to names in the file, `{}` for the unit's number.
        first: Number of the first unit.
    """
    units = [
        f"stage{stage}_block{block}"
        for stage, depth in enumerate(depths, 1)
        for block in range(1, depth + 1)
    ]
    return tuple(
        (unit + suffix, module.format(number))
        for number, unit in enumerate(units, first)
        for suffix, module in modules.items()
    )


def _with_norms(modules):
    return modules | {f"{suffix}_bn": f"{module}_bn" for suffix, module in modules.items()}


RESNET = Layout(
    name="keras.applications (ResNet)",
    mark=r"^conv2_block1_1_conv\.weight$",
    rows=(
        (r"stem_conv", "conv1_conv"),
        (r"stem_conv_bn", "conv1_bn"),
        (BLOCK + r"_conv(\d)", "conv{0}_block{1}_{2}_conv"),
        (BLOCK + r"_conv(\d)_bn", "conv{0}_block{1}_{2}_bn"),
        (BLOCK + r"_shortcut", "conv{0}_block{1}_0_conv"),
        (BLOCK + r"_shortcut_bn", "conv{0}_block{1}_0_bn"),
    ),
    first=(2, 1),
    head="predictions",
    warm_start=True,
    channel_order="bgr",
)
VGG = Layout(
    name="keras.applications (VGG16)",
    mark=r"^block1_conv1_bn\.weight$",
    rows=(
        (BLOCK + r"_conv1", "block{0}_conv{1}"),
        (BLOCK + r"_conv1_bn", "block{0}_conv{1}_bn"),
        (r"head_conv(\d)", "fc{0}"),
    ),
    first=(2, 1),
    head="predictions",
    warm_start=True,
    channel_order="bgr",
)
MOBILENET = Layout(
    name="keras.applications (MobileNet)",
    mark=r"^conv_pw_1\.weight$",
    rows=(
        (r"stem_conv", "conv1"),
        (r"stem_conv_bn", "conv1_bn"),
        *_numbered(
            (1, 2, 2, 6, 2),
            _with_norms({"_conv1": "conv_dw_{}", "_conv2": "conv_pw_{}"}),
            first=1,
        ),
    ),
    first=(1, 1),
    head="conv_preds",
    warm_start=True,
)


def _mobilenet_v3(size, depths):
    units = {
        "_conv1": "expanded_conv_{}_expand",
        "_conv2": "expanded_conv_{}_depthwise",
        "_conv3": "expanded_conv_{}_project",
    }
    rows = _numbered(
        depths, {**_with_norms(units), "_se": "expanded_conv_{}_squeeze_excite_conv"}, first=0
    )
    last = len(depths) + 1
    return Layout(
        name=f"keras.applications (MobileNetV3, {size})",
        mark=rf"^expanded_conv_{sum(depths) - 1}_project\.weight$",
        rows=(
            (r"stem_conv", "conv"),
            (r"stem_conv_bn", "conv_bn"),
            *((ours, theirs.replace("conv_0_", "conv_")) for ours, theirs in rows),
            (rf"stage{last}_block1_conv", "conv_1"),
            (rf"stage{last}_block1_conv_bn", "conv_1_bn"),
            (r"head_conv", "conv_2"),
        ),
        first=(1, 1),
        head="logits",
        fc_suffixes=("", "_1"),
    )


MOBILENET_V3 = (
    _mobilenet_v3("large", (1, 2, 3, 4, 2, 3)),
    _mobilenet_v3("small", (1, 2, 3, 2, 3)),
)

# `read_applications_h5` numbers units: "block2_1_dwconv" is "block2a_dwconv" in the file.
_EFFICIENTNET = (
    (r"stem_conv", "stem_conv"),
    (r"stem_conv_bn", "stem_bn"),
    (r"last_conv", "top_conv"),
    (r"last_conv_bn", "top_bn"),
    (BLOCK + r"_conv1", "block{0}_{1}_expand_conv"),
    (BLOCK + r"_conv1_bn", "block{0}_{1}_expand_bn"),
    (BLOCK + r"_conv2_bn", "block{0}_{1}_bn"),
    (BLOCK + r"_conv3", "block{0}_{1}_project_conv"),
    (BLOCK + r"_conv3_bn", "block{0}_{1}_project_bn"),
    (BLOCK + r"_se", "block{0}_{1}_se"),
)
EFFICIENTNET = Layout(
    name="keras.applications (EfficientNet)",
    mark=r"^block1_1_dwconv\.weight$",
    rows=((BLOCK + r"_conv2", "block{0}_{1}_dwconv"), *_EFFICIENTNET),
    first=(2, 1),
    head="predictions",
    fc_suffixes=("_reduce", "_expand"),
)
_EFFICIENTNET_V2 = dataclasses.replace(
    EFFICIENTNET,
    rows=(
        (r"stage(1)_block(\d+)_conv", "block{0}_{1}_project_conv"),
        (r"stage(1)_block(\d+)_conv_bn", "block{0}_{1}_project_bn"),
        (r"stage([23])_block(\d+)_conv2", "block{0}_{1}_project_conv"),
        (r"stage([23])_block(\d+)_conv2_bn", "block{0}_{1}_project_bn"),
        (BLOCK + r"_conv2", "block{0}_{1}_dwconv2"),
        *_EFFICIENTNET,
    ),
)
# S, M and L have four units and more in their second stage, and other pixels than B0 to B3.
EFFICIENTNET_V2 = dataclasses.replace(
    _EFFICIENTNET_V2,
    name="keras.applications (EfficientNetV2 S, M, L)",
    mark=r"^block2_4_expand_conv\.weight$",
)
EFFICIENTNET_V2_B = dataclasses.replace(
    _EFFICIENTNET_V2,
    name="keras.applications (EfficientNetV2 B0 to B3)",
    mark=r"^block4_1_dwconv2\.weight$",
)

# Convolutions in the branches of Inception-ResNet-v2's modules, in the order of its code.
BRANCHES = (
    ("stem_conv{}", (3,)),
    ("stage2_block1_conv{}", (2,)),
    ("stage3_mixed_branch{}_conv{}", (1, 2, 3, 1)),
    *((f"stage3_block{index}_branch{{}}_conv{{}}", (1, 2, 3)) for index in range(1, 11)),
    ("stage4_mixed_branch{}_conv{}", (1, 3)),
    *((f"stage4_block{index}_branch{{}}_conv{{}}", (1, 3)) for index in range(1, 21)),
    ("stage5_mixed_branch{}_conv{}", (2, 2, 3)),
    *((f"stage5_block{index}_branch{{}}_conv{{}}", (1, 3)) for index in range(1, 11)),
)


def _inception_resnet():
    names = []
    for name, branches in BRANCHES:
        for branch, depth in enumerate(branches, 1):
            for conv in range(1, depth + 1):
                names.append(name.format(*((branch, conv) if "branch" in name else (conv,))))
    for number, name in enumerate(names):
        yield name, f"conv2d_{number}"
        yield f"{name}_bn", f"batch_normalization_{number}"


INCEPTION_RESNET = Layout(
    name="keras.applications (InceptionResNetV2)",
    mark=r"^conv_7b\.weight$",
    rows=(
        *_inception_resnet(),
        (r"stage3_block(\d+)_conv", "block35_{0}_conv"),
        (r"stage4_block(\d+)_conv", "block17_{0}_conv"),
        (r"stage5_block(\d+)_conv", "block8_{0}_conv"),
        (r"last_conv", "conv_7b"),
        (r"last_conv_bn", "conv_7b_bn"),
    ),
    first=(3, 1),
    head="predictions",
    warm_start=True,
)
