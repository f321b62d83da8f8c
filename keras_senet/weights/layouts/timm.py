"""Layouts of timm, https://github.com/huggingface/pytorch-image-models (timm/models)."""

import dataclasses

from keras_senet.weights.layouts.layout import BLOCK, Layout

# Stages with SE of MnasNet-A1 and small, whose activation is ReLU. That of all other networks in
# the layout of EfficientNet is silu.
MNASNET_SE_STAGES = ((3, 5, 6), (4, 5, 6))

RESNET = Layout(
    name="timm",
    mark=r"^layer1\.0\.conv1\.weight$",
    rows=(
        (r"stem_conv", "conv1"),
        (r"stem_conv_bn", "bn1"),
        (r"stem_conv1", "conv1.0"),
        (r"stem_conv1_bn", "conv1.1"),
        (r"stem_conv2", "conv1.3"),
        (r"stem_conv2_bn", "conv1.4"),
        (r"stem_conv3", "conv1.6"),
        (r"stem_conv3_bn", "bn1"),
        (BLOCK + r"_conv(\d)", "layer{0}.{1}.conv{2}"),
        (BLOCK + r"_conv(\d)_bn", "layer{0}.{1}.bn{2}"),
        (BLOCK + r"_se", "layer{0}.{1}.se.fc"),
        (BLOCK + r"_se/conv", "layer{0}.{1}.se.conv"),  # of ECA
        (BLOCK + r"_se/fc", "layer{0}.{1}.se.fc"),  # of eSE
        (BLOCK + r"_shortcut", "layer{0}.{1}.downsample.0"),
        (BLOCK + r"_shortcut_bn", "layer{0}.{1}.downsample.1"),
    ),
    first=(1, 0),
    head="fc",
)
# ResNet-D: an average pooling takes the projection's first place.
RESNET_D = dataclasses.replace(
    RESNET,
    name="timm (ResNet-D)",
    mark=r"^layer2\.0\.downsample\.2\.weight$",
    rows=(
        (BLOCK + r"_shortcut", "layer{0}.{1}.downsample.1"),
        (BLOCK + r"_shortcut_bn", "layer{0}.{1}.downsample.2"),
        *RESNET.rows,
    ),
)
# ResNet-RS: the stem's pooling is a convolution, and keeps the name of a pooling.
RESNET_RS = dataclasses.replace(
    RESNET_D,
    name="timm (ResNet-RS)",
    mark=r"^maxpool\.0\.weight$",
    rows=(
        (r"stem_pool_conv", "maxpool.0"),
        (r"stem_pool_conv_bn", "maxpool.1"),
        *RESNET_D.rows,
    ),
)
LEGACY_RESNET = Layout(
    name="Caffe-derived (timm legacy)",
    mark=r"^layer0\.conv1\.weight$",
    rows=(
        (r"stem_conv", "layer0.conv1"),
        (r"stem_conv_bn", "layer0.bn1"),
        (r"stem_conv(\d)", "layer0.conv{0}"),
        (r"stem_conv(\d)_bn", "layer0.bn{0}"),
        (BLOCK + r"_se", "layer{0}.{1}.se_module.fc"),
        *(row for row in RESNET.rows if row[0].startswith("stage") and "_se" not in row[0]),
    ),
    first=(1, 0),
    head="last_linear",
)
REGNET = Layout(
    name="timm (RegNet)",
    mark=r"^s1\.b1\.conv1\.conv\.weight$",
    rows=(
        (r"stem_conv", "stem.conv"),
        (r"stem_conv_bn", "stem.bn"),
        (BLOCK + r"_conv(\d)", "s{0}.b{1}.conv{2}.conv"),
        (BLOCK + r"_conv(\d)_bn", "s{0}.b{1}.conv{2}.bn"),
        (BLOCK + r"_se", "s{0}.b{1}.se.fc"),
        (BLOCK + r"_shortcut", "s{0}.b{1}.downsample.conv"),
        (BLOCK + r"_shortcut_bn", "s{0}.b{1}.downsample.bn"),
    ),
    first=(2, 1),
    head="head.fc",
)
MOBILENET_V3 = Layout(
    name="timm (MobileNetV3)",
    mark=r"^conv_stem\.weight$",
    rows=(
        (r"stem_conv", "conv_stem"),
        (r"stem_conv_bn", "bn1"),
        # Units of the first stage have no expansion before their depthwise convolution.
        (r"stage(1)_block(\d+)_conv2", "blocks.{0}.{1}.conv_dw"),
        (r"stage(1)_block(\d+)_conv2_bn", "blocks.{0}.{1}.bn1"),
        (r"stage(1)_block(\d+)_conv3", "blocks.{0}.{1}.conv_pw"),
        (r"stage(1)_block(\d+)_conv3_bn", "blocks.{0}.{1}.bn2"),
        (BLOCK + r"_conv1", "blocks.{0}.{1}.conv_pw"),
        (BLOCK + r"_conv2", "blocks.{0}.{1}.conv_dw"),
        (BLOCK + r"_conv3", "blocks.{0}.{1}.conv_pwl"),
        (BLOCK + r"_conv(\d)_bn", "blocks.{0}.{1}.bn{2}"),
        (BLOCK + r"_se", "blocks.{0}.{1}.se.conv"),
        (BLOCK + r"_conv", "blocks.{0}.{1}.conv"),
        (BLOCK + r"_conv_bn", "blocks.{0}.{1}.bn1"),
        (r"head_conv", "conv_head"),
    ),
    first=(1, 0),
    head="classifier",
    fc_suffixes=("_reduce", "_expand"),
)

_EFFICIENTNET = (
    (r"stem_conv", "conv_stem"),
    (r"stem_conv_bn", "bn1"),
    (r"last_conv", "conv_head"),
    (r"last_conv_bn", "bn2"),
    (BLOCK + r"_conv1", "blocks.{0}.{1}.conv_pw"),
    (BLOCK + r"_conv2", "blocks.{0}.{1}.conv_dw"),
    (BLOCK + r"_conv3", "blocks.{0}.{1}.conv_pwl"),
    (BLOCK + r"_conv(\d)_bn", "blocks.{0}.{1}.bn{2}"),
    (BLOCK + r"_se", "blocks.{0}.{1}.se.conv"),
)
EFFICIENTNET = Layout(
    name="timm (EfficientNet)",
    mark=r"^blocks\.6\.0\.conv_pwl\.weight$",
    rows=(
        # Units of the first stage have no expansion before their depthwise convolution.
        (r"stage(1)_block(\d+)_conv2", "blocks.{0}.{1}.conv_dw"),
        (r"stage(1)_block(\d+)_conv2_bn", "blocks.{0}.{1}.bn1"),
        (r"stage(1)_block(\d+)_conv3", "blocks.{0}.{1}.conv_pw"),
        (r"stage(1)_block(\d+)_conv3_bn", "blocks.{0}.{1}.bn2"),
        *_EFFICIENTNET,
    ),
    first=(1, 0),
    head="classifier",
    fc_suffixes=("_reduce", "_expand"),
)
EFFICIENTNET_V2 = Layout(
    name="timm (EfficientNetV2)",
    mark=r"^blocks\.1\.0\.conv_exp\.weight$",
    rows=(
        # Units of the first stage are single convolutions, or fused as those of the next two.
        (r"stage(1)_block(\d+)_conv", "blocks.{0}.{1}.conv"),
        (r"stage(1)_block(\d+)_conv_bn", "blocks.{0}.{1}.bn1"),
        (r"stage([123])_block(\d+)_conv1", "blocks.{0}.{1}.conv_exp"),
        (r"stage([123])_block(\d+)_conv2", "blocks.{0}.{1}.conv_pwl"),
        *_EFFICIENTNET,
    ),
    first=(1, 0),
    head="classifier",
    fc_suffixes=("_reduce", "_expand"),
)
