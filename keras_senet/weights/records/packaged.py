"""Networks that come with the package: trained, and judged, by it."""

from keras_senet.weights.preprocessing import CIFAR
from keras_senet.weights.records.record import OWN, WeightRecord

PAGE = "https://www.cs.toronto.edu/~kriz/cifar.html"  # of the photographs that trained them
COMMAND = (
    "keras-senet train --model={} --data=folder:cifar10 --recipe=cifar_short --image_size=32 "
    "--seed={} --workdir=run"
)

# name, network, seed, top-1 and top-5 on the 10,000 test photographs, checksum
ROWS = (
    ("se_resnet20.cifar10", "SEResNet20", 0, 87.63, 99.47,
     "sha256:4877d5a23023c502b64429800e2be4172d579f9f456de8cd7cf46c0c8fc55463"),
    ("resnet20.cifar10", "ResNet20", 0, 87.3, 99.61,
     "sha256:2d03b3828469889b97ccd916b4ae4a8dbb57eed16c932dbb60b9ddeb07e1550b"),
)  # fmt: skip

PACKAGED_RECORDS = tuple(
    WeightRecord(
        name=f"{OWN}{name}",
        network=network,
        filename=f"{name}.safetensors",
        checksum=checksum,
        preprocessing=CIFAR,
        input_size=32,
        classes=10,
        licence="Apache-2.0",
        data="CIFAR-10",
        top1=top1,
        top5=top5,
        page=PAGE,
        command=COMMAND.format(network, seed),
    )
    for name, network, seed, top1, top5, checksum in ROWS
)
