"""The authors' Caffe models, https://github.com/hujie-frank/SENet, and their ports to PyTorch."""

from keras_senet.weights.preprocessing import CAFFE
from keras_senet.weights.records.record import WeightRecord

MIRROR = "https://storage.openvinotoolkit.org/repositories/open_model_zoo/public/2021.4/"
DRIVE = "https://drive.google.com/file/d/"

# name, network, top-1 and top-5 (100 less the errors of the authors' README), place, checksum
ORIGINALS = (
    ("SE-BN-Inception", "SEBNInception", 76.38, 92.96,
     f"{MIRROR}se-inception/SE-BN-Inception.caffemodel",
     "sha384:b5d3a92296b83cb5c706140a1d2855903906c6c2176766bdd58303643c28a6aa"
     "9950cec2f318cb4f97778705c394d5d1"),
    ("SE-ResNet-50", "SEResNet50", 77.63, 93.64,
     f"{MIRROR}se-resnet-50/SE-ResNet-50.caffemodel",
     "sha384:3f093acba237185b50fb354e3841b4d01f50328d9f381937af5e836e808b4ce2"
     "671b0b44ca808df8911dba81a3e9d97c"),
    ("SE-ResNet-101", "SEResNet101", 78.25, 94.28, "0BwHV3BlNKkWlTEg4YmcwQ0FoZFU", None),
    ("SE-ResNet-152", "SEResNet152", 78.66, 94.46, "0BwHV3BlNKkWlcFE0Q2NTcWl3WUE", None),
    ("SE-ResNeXt-50", "SEResNeXt50", 79.03, 94.46, "0BwHV3BlNKkWlQ2Z0Q204V1RITjA",
     "sha256:f12c6b53c2dcd0f38f388d3d5f98cbfc039357e84842e661f28a49719dd52219"),
    ("SE-ResNeXt-101", "SEResNeXt101", 80.19, 95.04, "0BwHV3BlNKkWleklsNzBiZlprblk", None),
    ("SENet-154", "SENet154", 81.32, 95.53, "0BwHV3BlNKkWlbTFZbzFTSXBUTUE", None),
)  # fmt: skip

# Of segmentation_models_pytorch: repository, network, commit, top-1 and top-5 (of Cadene's
# pretrained-models.pytorch, whose files these are), checksum.
PORTS = (
    ("senet154", "SENet154", "249f45efc9881ba560a0c480128edbc34ab87e40", 81.304, 95.498, None),
    ("se_resnet50", "SEResNet50", "e6b4bc2dc85226c3d3474544410724a485455459", 77.636, 93.752,
     None),
    ("se_resnet101", "SEResNet101", "71fe95cc0a27f444cf83671f354de02dc741b18b", 78.396, 94.258,
     "sha256:f4ff9b3dbf8e7bf3929b02918d64d09ceb76ce04ea95e0ddc937879c00851fc6"),
    ("se_resnet152", "SEResNet152", "e79fc3d9d76f197bd76a2593c2054edf1083fe32", 78.658, 94.374,
     None),
    ("se_resnext50_32x4d", "SEResNeXt50", "73246406d879a2b0e3fdfe6fddd56347d38f38ae", 79.076,
     94.434, None),
    ("se_resnext101_32x4d", "SEResNeXt101", "18808a4276f46421d358a9de554e0b93c2795df4", 80.236,
     95.028, None),
)  # fmt: skip

CAFFE_RECORDS = (
    *(
        WeightRecord(
            name=f"caffe/{name}",
            network=network,
            # Of the others no address is known that a program could fetch them from.
            url=place if place.startswith("https") else None,
            page=None if place.startswith("https") else f"{DRIVE}{place}/view",
            filename=f"{name}.caffemodel",
            checksum=checksum,
            preprocessing=CAFFE,
            licence="Apache-2.0",
            top1=top1,
            top5=top5,
        )
        for name, network, top1, top5, place, checksum in ORIGINALS
    ),
    *(
        WeightRecord(
            name=f"smp-hub/{name}.imagenet",
            network=network,
            repository=f"smp-hub/{name}.imagenet",
            revision=revision,
            checksum=checksum,
            top1=top1,
            top5=top5,
        )
        for name, network, revision, top1, top5, checksum in PORTS
    ),
)
