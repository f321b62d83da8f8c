"""Weight sets of timm on the Hugging Face hub, https://github.com/huggingface/pytorch-image-models.

Accuracies are those of timm's `results-imagenet.csv`, at the size and crop of its test
configuration. Commits are stated where all forty digits are known.
"""

import dataclasses

from keras_senet.weights.preprocessing import IMAGENET, INCEPTION, Preprocessing
from keras_senet.weights.records.record import WeightRecord
from keras_senet.weights.records.timm_tables import BACKBONES

# Fields that the layout does not decide: "d" and "t" have a deep stem and an average pooling in the
# shortcut, "aa" an average pooling where others have a stride.
D = {"stem": (32, 32, 64), "shortcut": "pool"}
T = {"stem": (24, 32, 64), "shortcut": "pool"}
AA = {**D, "stem_pool": "avg", "stride_in": "pool"}
X8 = {"width": 8}  # 32x8d
X64 = {"groups": 64}  # 64x4d

RESIDUAL = (  # name, network, fields, size, crop, top-1, top-5, commit
    ("seresnet50.ra2_in1k", "SEResNet50", {}, 288, 0.95, 81.288, 95.652, "main"),
    ("seresnet50.a1_in1k", "SEResNet50", {}, 288, 1.0, 81.114, 95.122, "main"),
    ("seresnet50.a2_in1k", "SEResNet50", {}, 288, 1.0, 81.094, 95.230,
     "4cb9eed48ee840f525bb27706323a2181934b16f"),
    ("seresnet50.a3_in1k", "SEResNet50", {}, 224, 0.95, 77.036, 93.072, "main"),
    ("seresnet152d.ra2_in1k", "SEResNet152", D, 320, 1.0, 84.344, 97.044, "main"),
    ("seresnext26d_32x4d.bt_in1k", "SEResNeXt26", D, 288, 0.95, 78.816, 94.266, "main"),
    ("seresnext26t_32x4d.bt_in1k", "SEResNeXt26", T, 288, 0.95, 78.736, 94.318, "main"),
    ("seresnext50_32x4d.gluon_in1k", "SEResNeXt50", {}, 224, 0.875, 79.916, 94.816, "main"),
    ("seresnext50_32x4d.racm_in1k", "SEResNeXt50", {}, 288, 0.95, 82.186, 96.146, "main"),
    ("seresnext101_32x4d.gluon_in1k", "SEResNeXt101", {}, 224, 0.875, 80.886, 95.268, "main"),
    ("seresnext101_64x4d.gluon_in1k", "SEResNeXt101", X64, 224, 0.875, 80.884, 95.308, "main"),
    ("seresnext101_32x8d.ah_in1k", "SEResNeXt101", X8, 288, 1.0, 84.192, 96.860, "main"),
    ("seresnext101d_32x8d.ah_in1k", "SEResNeXt101", X8 | D, 288, 1.0, 84.380, 96.918, "main"),
    ("seresnextaa101d_32x8d.ah_in1k", "SEResNeXt101", X8 | AA, 288, 1.0, 84.580, 97.062, "main"),
    ("seresnextaa101d_32x8d.sw_in12k_ft_in1k", "SEResNeXt101", X8 | AA, 288, 1.0, 86.524, 98.034,
     "main"),
    ("seresnextaa101d_32x8d.sw_in12k_ft_in1k_288", "SEResNeXt101", X8 | AA, 320, 1.0, 86.722,
     98.184, "main"),
    ("seresnextaa201d_32x8d.sw_in12k_ft_in1k_384", "SEResNeXt201", {}, 384, 1.0, 87.304, 98.334,
     "main"),
    ("ecaresnet26t.ra2_in1k", "ECAResNet26", {}, 320, 0.95, 79.900, 95.070, "main"),
    ("ecaresnet50d.miil_in1k", "ECAResNet50", D, 288, 0.95, 81.648, 95.884, "main"),
    ("ecaresnet50t.a1_in1k", "ECAResNet50", T, 288, 1.0, 82.110, 95.654, "main"),
    ("ecaresnet50t.a2_in1k", "ECAResNet50", T, 288, 1.0, 81.682, 95.524, "main"),
    ("ecaresnet50t.a3_in1k", "ECAResNet50", T, 224, 0.95, 79.548, 94.710, "main"),
    ("ecaresnet50t.ra2_in1k", "ECAResNet50", T, 320, 0.95, 82.370, 96.120, "main"),
    ("ecaresnet101d.miil_in1k", "ECAResNet101", D, 288, 0.95, 83.006, 96.524, "main"),
    ("ecaresnet269d.ra2_in1k", "ECAResNet269", {}, 352, 1.0, 84.968, 97.224, "main"),
    ("senet154.gluon_in1k", "SENet154", {}, 224, 0.875, 81.258, 95.358,
     "c79476e9118428d534db4c0c9005e3bdec9a02be"),
)  # fmt: skip

TORCH, TF = BACKBONES["torch"], BACKBONES["tensorflow"]
BARE = Preprocessing(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
BICUBIC = dataclasses.replace(IMAGENET, interpolation="bicubic")

MOBILE = (  # name, network, fields, preprocessing, top-1, top-5
    ("mobilenetv3_large_100.ra_in1k", "MobileNetV3Large", TORCH, BICUBIC, 75.784, 92.528),
    ("mobilenetv3_large_100.miil_in21k_ft_in1k", "MobileNetV3Large", TORCH, BARE, 77.920, 92.894),
    ("mobilenetv3_small_100.lamb_in1k", "MobileNetV3Small", TORCH, BICUBIC, 67.636, 87.638),
    ("tf_mobilenetv3_large_100.in1k", "MobileNetV3Large", TF, INCEPTION, 75.510, None),
    ("tf_mobilenetv3_large_minimal_100.in1k", "MobileNetV3LargeMinimalistic", TF, INCEPTION,
     72.270, None),
    ("tf_mobilenetv3_small_100.in1k", "MobileNetV3Small", TF, INCEPTION, 67.922, None),
    ("tf_mobilenetv3_small_minimal_100.in1k", "MobileNetV3SmallMinimalistic", TF, INCEPTION,
     62.892, None),
)  # fmt: skip

# Networks with the stem pooling and strides of the authors' Caffe models, as PyTorch checkpoints in
# timm's releases. The digits at the end of a file's name are the beginning of its sha256.
LEGACY = (  # name, network, interpolation, top-1, top-5, tag and file
    ("seresnet18", "SEResNet18", "bicubic", 71.742, 90.340, "weights/seresnet18-4bb0ce65"),
    ("seresnet34", "SEResNet34", "bilinear", 74.788, 92.134, "weights/seresnet34-a4004e63"),
    ("seresnet50", "SEResNet50", "bilinear", 77.650, 93.732, "cadene/se_resnet50-ce0d4300"),
    ("seresnet101", "SEResNet101", "bilinear", 78.370, 94.264, "cadene/se_resnet101-7e38fcc6"),
    ("seresnet152", "SEResNet152", "bilinear", 78.662, 94.370, "cadene/se_resnet152-d17c99b7"),
    ("seresnext26_32x4d", "SEResNeXt26", "bicubic", 77.100, 93.332,
     "weights/seresnext26_32x4d-65ebdb501"),
    ("seresnext50_32x4d", "SEResNeXt50", "bilinear", 79.080, 94.428,
     "weights/legacy_se_resnext50_32x4d-f3651bad"),
    ("seresnext101_32x4d", "SEResNeXt101", "bilinear", 80.274, 95.032,
     "weights/legacy_se_resnext101_32x4d-37725eac"),
    ("senet154", "SENet154", "bilinear", 81.320, 95.502, "weights/legacy_senet154-e9eb9fe6"),
)  # fmt: skip
RELEASES = "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-"

TIMM_RECORDS = (
    *(
        WeightRecord(
            name=f"timm/{name}",
            network=network,
            fields=fields,
            repository=f"timm/{name}",
            revision=revision,
            preprocessing=dataclasses.replace(BICUBIC, crop=crop),
            input_size=size,
            licence="Apache-2.0",
            top1=top1,
            top5=top5,
        )
        for name, network, fields, size, crop, top1, top5, revision in RESIDUAL
    ),
    *(
        WeightRecord(
            name=f"timm/{name}",
            network=network,
            fields=fields,
            repository=f"timm/{name}",
            preprocessing=preprocessing,
            licence="Apache-2.0",
            top1=top1,
            top5=top5,
        )
        for name, network, fields, preprocessing, top1, top5 in MOBILE
    ),
    *(
        WeightRecord(
            name=f"timm/legacy_{name}.in1k",
            network=network,
            url=f"{RELEASES}{file}.pth",
            filename=f"{file.split('/')[1]}.pth",
            checksum=f"sha256:{file.rsplit('-', 1)[1]}",
            preprocessing=dataclasses.replace(IMAGENET, interpolation=interpolation),
            licence="Apache-2.0",
            top1=top1,
            top5=top5,
        )
        for name, network, interpolation, top1, top5, file in LEGACY
    ),
)
