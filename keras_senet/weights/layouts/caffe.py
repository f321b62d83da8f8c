"""Layouts of the authors' Caffe models, as `read_caffemodel` names their tensors."""

from keras_senet.weights.layouts.layout import BLOCK, Layout

RESNET = Layout(
    name="Caffe",
    mark=r"^conv2_1_1x1_reduce\.weight$",
    rows=(
        (r"stem_conv", "conv1/7x7_s2"),
        (r"stem_conv_bn", "conv1/7x7_s2/bn"),
        (r"stem_conv1", "conv1_1/3x3_s2"),
        (r"stem_conv1_bn", "conv1_1/3x3_s2/bn"),
        (r"stem_conv([23])", "conv1_{0}/3x3"),
        (r"stem_conv([23])_bn", "conv1_{0}/3x3/bn"),
        *(
            (BLOCK + suffix, "conv{0}_{1}_" + module)
            for name, module in (
                ("_conv1", "1x1_reduce"),
                ("_conv2", "3x3"),
                ("_conv3", "1x1_increase"),
                ("_shortcut", "1x1_proj"),  # SENet-154: of 3x3 in spite of its name
            )
            for suffix, module in ((name, module), (f"{name}_bn", f"{module}/bn"))
        ),
        (BLOCK + r"_se", "conv{0}_{1}"),
    ),
    first=(2, 1),
    head="classifier",
    fc_suffixes=("_1x1_down", "_1x1_up"),
    channel_order="bgr",
    labels="caffe",
)
# Our stages are those of one resolution; a module with stride 2 begins one of ours, and ends one
# of Caffe's.
MODULES = {
    "stage3_block1": "3a",
    "stage3_block2": "3b",
    "stage4_block1": "3c",
    **{f"stage4_block{index}": f"4{letter}" for index, letter in enumerate("abcd", 2)},
    "stage5_block1": "4e",
    **{f"stage5_block{index}": f"5{letter}" for index, letter in enumerate("ab", 2)},
}
BRANCHES = {
    "branch1_conv1": "1x1",
    "branch2_conv1": "3x3_reduce",
    "branch2_conv2": "3x3",
    "branch3_conv1": "double3x3_reduce",
    "branch3_conv2": "double3x3a",
    "branch3_conv3": "double3x3b",
    "branch4_conv1": "pool_proj",
}
INCEPTION = Layout(
    name="Caffe (BN-Inception)",
    mark=r"^inception_3a/1x1\.weight$",
    rows=(
        (r"stem_conv", "conv1/7x7_s2"),
        (r"stem_conv_bn", "conv1/7x7_s2/bn"),
        (r"stage2_block1_conv1", "conv2/3x3_reduce"),
        (r"stage2_block1_conv1_bn", "conv2/3x3_reduce/bn"),
        (r"stage2_block1_conv2", "conv2/3x3"),
        (r"stage2_block1_conv2_bn", "conv2/3x3/bn"),
        *((block, f"inception_{module}") for block, module in MODULES.items()),  # its SE
        *(
            (f"{block}_{branch}{suffix}", f"inception_{module}/{conv}{suffix.replace('_', '/')}")
            for block, module in MODULES.items()
            for branch, conv in BRANCHES.items()
            for suffix in ("", "_bn")
        ),
    ),
    first=(3, 1),
    head="classifier",
    fc_suffixes=("_1x1_down", "_1x1_up"),
    channel_order="bgr",
    labels="caffe",
)
