"""Public layouts of the families that are no residual networks."""

from keras_senet.weights.layouts.layout import BLOCK, Layout

BNINCEPTION = Layout(
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
    networks=("Inception",),
    trunk={"conv_bias": True},
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
    networks=("VGG",),
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
    networks=("MobileNetV1",),
    trunk={"padding": "torch", "activation": "relu", "epsilon": 1e-5},
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
    networks=("ShuffleNetV2",),
    trunk={"stem_pool": "ceil"},
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
    networks=("ShuffleNetV1",),
)
MOBILENET_V3 = Layout(
    name="timm (MobileNetV3)",
    mark=r"^conv_stem\.weight$",
    rows=(
        (r"stem_conv", "conv_stem"),
        (r"stem_conv_bn", "bn1"),
        # The first unit has no expansion before its depthwise convolution.
        (r"stage(1)_block(1)_conv2", "blocks.{0}.{1}.conv_dw"),
        (r"stage(1)_block(1)_conv2_bn", "blocks.{0}.{1}.bn1"),
        (r"stage(1)_block(1)_conv3", "blocks.{0}.{1}.conv_pw"),
        (r"stage(1)_block(1)_conv3_bn", "blocks.{0}.{1}.bn2"),
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
    networks=("MobileNetV3",),
    products=("_reduce", "_expand"),
    se={
        "reduction": 4,
        "divisor": 8,
        "round_limit": 0.9,
        "gate": "hard_sigmoid",
        "placement": "3x3",
    },
)
# More telling marks first: ShuffleNetV2's files have ShuffleNet's, too.
FAMILIES = (BNINCEPTION, VGG, MOBILENET, SHUFFLENET_V2, SHUFFLENET, MOBILENET_V3)
