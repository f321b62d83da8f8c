"""Layouts of pytorchcv, https://github.com/osmr/imgclsmob (pytorch/pytorchcv/models)."""

import dataclasses

from keras_senet.weights.layouts.layout import BLOCK, Layout

CIFAR_RESNET = Layout(
    name="pytorchcv (CIFAR)",
    mark=r"^features\.init_block\.conv\.weight$",
    rows=(
        (r"stem_conv", "features.init_block.conv"),
        (r"stem_conv_bn", "features.init_block.bn"),
        (BLOCK + r"_conv(\d)", "features.stage{0}.unit{1}.body.conv{2}.conv"),
        (BLOCK + r"_conv(\d)_bn", "features.stage{0}.unit{1}.body.conv{2}.bn"),
        (BLOCK + r"_bn(\d)", "features.stage{0}.unit{1}.body.conv{2}.bn"),
        (BLOCK + r"_se", "features.stage{0}.unit{1}.se.conv"),
        (BLOCK + r"_shortcut", "features.stage{0}.unit{1}.identity_conv.conv"),
        (BLOCK + r"_shortcut_bn", "features.stage{0}.unit{1}.identity_conv.bn"),
        (r"last_bn", "features.post_activ.bn"),
    ),
    first=(1, 1),
    head="output",
)
# Stem and projections are bare convolutions: normalization and ReLU come before each convolution.
CIFAR_PREACTIVATION = dataclasses.replace(
    CIFAR_RESNET,
    name="pytorchcv (CIFAR, preactivation)",
    mark=r"^features\.init_block\.weight$",
    rows=(
        (r"stem_conv", "features.init_block"),
        (BLOCK + r"_shortcut", "features.stage{0}.unit{1}.identity_conv"),
        *CIFAR_RESNET.rows,
    ),
)
BN_INCEPTION = Layout(
    name="pytorchcv (BN-Inception)",
    mark=r"^features\.stage1\.unit1\.branches\.branch1\.conv\.weight$",
    rows=(
        (r"stem_conv", "features.init_block.conv1.conv"),
        (r"stem_conv_bn", "features.init_block.conv1.bn"),
        (r"stage(2)_block(1)_conv(\d)", "features.init_block.conv2.conv{2}.conv"),
        (r"stage(2)_block(1)_conv(\d)_bn", "features.init_block.conv2.conv{2}.bn"),
        # Modules of stride 2 have no 1x1 branch, and count the others from 1.
        *(
            (
                rf"stage([45])_block(1)_branch{branch}_conv(\d){suffix}",
                f"features.stage{{0}}.unit{{1}}.branches.branch{branch - 1}.conv{{2}}.{kind}",
            )
            for branch in (2, 3)
            for suffix, kind in (("", "conv"), ("_bn", "bn"))
        ),
        (BLOCK + r"_branch1_conv1", "features.stage{0}.unit{1}.branches.branch1.conv"),
        (BLOCK + r"_branch1_conv1_bn", "features.stage{0}.unit{1}.branches.branch1.bn"),
        (BLOCK + r"_branch4_conv1", "features.stage{0}.unit{1}.branches.branch4.conv.conv"),
        (BLOCK + r"_branch4_conv1_bn", "features.stage{0}.unit{1}.branches.branch4.conv.bn"),
        (
            BLOCK + r"_branch(\d)_conv(\d)",
            "features.stage{0}.unit{1}.branches.branch{2}.conv{3}.conv",
        ),
        (
            BLOCK + r"_branch(\d)_conv(\d)_bn",
            "features.stage{0}.unit{1}.branches.branch{2}.conv{3}.bn",
        ),
    ),
    first=(0, 1),
    head="output",
)
VGG = Layout(
    name="pytorchcv (VGG)",
    mark=r"^output\.fc3\.weight$",
    rows=(
        (BLOCK + r"_conv1", "features.stage{0}.unit{1}.conv"),
        (BLOCK + r"_conv1_bn", "features.stage{0}.unit{1}.bn"),
        (r"head_conv(\d)", "output.fc{0}.fc"),
    ),
    first=(2, 1),
    head="output.fc3",
    dense=("output.fc1.fc", "output.fc2.fc"),
)
MOBILENET = Layout(
    name="pytorchcv (MobileNet)",
    mark=r"^features\.stage1\.unit1\.dw_conv\.conv\.weight$",
    rows=(
        (r"stem_conv", "features.init_block.conv"),
        (r"stem_conv_bn", "features.init_block.bn"),
        (BLOCK + r"_conv1", "features.stage{0}.unit{1}.dw_conv.conv"),
        (BLOCK + r"_conv1_bn", "features.stage{0}.unit{1}.dw_conv.bn"),
        (BLOCK + r"_conv2", "features.stage{0}.unit{1}.pw_conv.conv"),
        (BLOCK + r"_conv2_bn", "features.stage{0}.unit{1}.pw_conv.bn"),
    ),
    first=(2, 1),
    head="output",
)
SHUFFLENET_V2 = Layout(
    name="pytorchcv (ShuffleNetV2)",
    mark=r"^features\.final_block\.conv\.weight$",
    rows=(
        (r"stem_conv", "features.init_block.conv.conv"),
        (r"stem_conv_bn", "features.init_block.conv.bn"),
        (BLOCK + r"_branch2_conv1", "features.stage{0}.unit{1}.compress_conv1"),
        (BLOCK + r"_branch2_conv1_bn", "features.stage{0}.unit{1}.compress_bn1"),
        (BLOCK + r"_branch2_conv2", "features.stage{0}.unit{1}.dw_conv2"),
        (BLOCK + r"_branch2_conv2_bn", "features.stage{0}.unit{1}.dw_bn2"),
        (BLOCK + r"_branch2_conv3", "features.stage{0}.unit{1}.expand_conv3"),
        (BLOCK + r"_branch2_conv3_bn", "features.stage{0}.unit{1}.expand_bn3"),
        (BLOCK + r"_branch1_conv1", "features.stage{0}.unit{1}.dw_conv4"),
        (BLOCK + r"_branch1_conv1_bn", "features.stage{0}.unit{1}.dw_bn4"),
        (BLOCK + r"_branch1_conv2", "features.stage{0}.unit{1}.expand_conv5"),
        (BLOCK + r"_branch1_conv2_bn", "features.stage{0}.unit{1}.expand_bn5"),
        (BLOCK + r"_se", "features.stage{0}.unit{1}.se.conv"),
        (r"last_conv", "features.final_block.conv"),
        (r"last_conv_bn", "features.final_block.bn"),
    ),
    first=(1, 1),
    head="output",
)
SHUFFLENET = Layout(
    name="pytorchcv (ShuffleNet)",
    mark=r"^features\.stage1\.unit1\.compress_conv1\.weight$",
    rows=(
        (r"stem_conv", "features.init_block.conv"),
        (r"stem_conv_bn", "features.init_block.bn"),
        (BLOCK + r"_conv1", "features.stage{0}.unit{1}.compress_conv1"),
        (BLOCK + r"_conv1_bn", "features.stage{0}.unit{1}.compress_bn1"),
        (BLOCK + r"_conv2", "features.stage{0}.unit{1}.dw_conv2"),
        (BLOCK + r"_conv2_bn", "features.stage{0}.unit{1}.dw_bn2"),
        (BLOCK + r"_conv3", "features.stage{0}.unit{1}.expand_conv3"),
        (BLOCK + r"_conv3_bn", "features.stage{0}.unit{1}.expand_bn3"),
    ),
    first=(1, 1),
    head="output",
)
