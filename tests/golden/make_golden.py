"""Makes the golden numbers again from the independent implementations.

Needs the environment of README.md. Then: python tests/golden/make_golden.py
"""

import gzip
import json
import pathlib

import numpy as np
import torch
from packages import timm
from pytorchcv.model_provider import get_model
from random_tensors import image, tensor
from timm.models import resnet, senet

HERE = pathlib.Path(__file__).parent
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CIFAR = ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
INCEPTION = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
# Mean and deviation, sizes of images, and names: timm's where it knows them, else pytorchcv's.
NETWORKS = (
    (IMAGENET, (224, 225, 256), (
        "legacy_seresnet18", "legacy_seresnet34",
        "legacy_seresnet50", "legacy_seresnet101", "legacy_seresnet152",
        "legacy_seresnext50_32x4d", "legacy_seresnext101_32x4d", "legacy_senet154",
        "seresnet18", "seresnet34", "seresnet50", "resnet50",
        "seresnext26d_32x4d", "seresnext26t_32x4d",
        "seresnext50_32x4d", "seresnext101_32x8d", "senet154",
    )),
    (CIFAR, (32,), (
        "seresnet20_cifar10", "seresnet56_cifar10", "seresnet110_cifar10", "seresnet164bn_cifar10",
        "resnet20_cifar10", "wrn16_10_cifar10",
        "preresnet20_cifar10", "preresnet56_cifar10", "preresnet110_cifar10",
        "preresnet164bn_cifar10",
    )),
    (IMAGENET, (64, 192, 224), ("bninception",)),
    (IMAGENET, (224,), ("bn_vgg16", "bn_vgg16b")),
    (IMAGENET, (64, 65), (
        "mobilenet_wd4", "shufflenet_g3_wd4", "shufflenetv2_wd2", "shufflenetv2_wd2_se",
        "mobilenetv3_small_100", "mobilenetv3_small_075",
    )),
    (IMAGENET, (224, 225), (
        "mobilenet_w1", "shufflenet_g1_w1", "shufflenet_g2_w1", "shufflenet_g3_w1",
        "shufflenet_g4_w1", "shufflenet_g8_w1", "shufflenetv2_w1", "shufflenetv2_w3d2",
        "shufflenetv2_w2", "mobilenetv3_large_100",
    )),
    (INCEPTION, (64, 65), ("tf_mobilenetv3_small_100", "tf_mobilenetv3_small_minimal_100")),
    (INCEPTION, (224, 225), ("tf_mobilenetv3_large_100", "tf_mobilenetv3_large_minimal_100")),
)  # fmt: skip
ONE = {"layers": (1, 1, 1, 1), "num_classes": 10}
SE = {"block_args": {"attn_layer": "se"}}
DEEP = {"stem_type": "deep", "avg_down": True}


def small():
    """Networks of one block a stage, for the quick suite."""
    legacy = {**ONE, "reduction": 16, "drop_rate": 0.0}
    deep = {
        "inplanes": 128,
        "input_3x3": True,
        "downsample_kernel_size": 3,
        "downsample_padding": 1,
    }
    return {
        "small_legacy_seresnet": senet.SENet(senet.SEResNetBottleneck, groups=1, **legacy),
        "small_legacy_basic": senet.SENet(senet.SEResNetBlock, groups=1, **legacy),
        "small_legacy_seresnext": senet.SENet(senet.SEResNeXtBottleneck, groups=32, **legacy),
        "small_legacy_senet154": senet.SENet(senet.SEBottleneck, groups=64, **legacy, **deep),
        "small_seresnet": resnet.ResNet(resnet.Bottleneck, **ONE, **SE),
        "small_basic": resnet.ResNet(resnet.BasicBlock, **ONE, **SE),
        "small_seresnext": resnet.ResNet(
            resnet.Bottleneck, **ONE, **SE, cardinality=32, base_width=4
        ),
        "small_seresnext_d": resnet.ResNet(
            resnet.Bottleneck, **ONE, **SE, **DEEP, cardinality=32, base_width=4, stem_width=32
        ),
        "small_senet154": resnet.ResNet(
            resnet.Bottleneck,
            **ONE,
            **SE,
            cardinality=64,
            base_width=4,
            stem_type="deep",
            down_kernel_size=3,
            block_reduce_first=2,
        ),
    }


def randomize(network):
    """Sets every weight and statistic by its name; returns names and shapes."""
    state = network.state_dict()
    shapes = {k: list(v.shape) for k, v in state.items() if not k.endswith("num_batches_tracked")}
    for name, shape in shapes.items():
        state[name].copy_(torch.from_numpy(tensor(name, shape)))
    return shapes


def logits(network, size, mean, std):
    """Outputs of the network for our image, in float64."""
    x = (image(size).astype("float64") / 255 - mean) / std
    with torch.no_grad():
        return network.double()(torch.from_numpy(x).permute(0, 3, 1, 2).contiguous()).numpy()[0]


def measure(networks):
    """Logits by network and size, and the shapes of the networks' tensors.

    Args:
        networks: Tuples of name, network, mean and standard deviation of pixels, sizes.
    """
    outputs, shapes = {}, {}
    for name, network, (mean, std), sizes in networks:
        shapes[name] = randomize(network.eval())
        for size in sizes:
            values = logits(network, size, mean, std)
            outputs[f"{name}/{size}"] = values.astype("float32")
            print(f"{name:32} {size} mean {values.mean():8.3f} std {values.std():8.3f}", flush=True)
    return outputs, shapes


def write(outputs, shapes, prefix=""):
    """Writes the outputs, and the shapes of the tensors that they are of.

    Args:
        outputs: Dict from names to arrays.
        shapes: Dict from networks to the shapes of their tensors.
        prefix: `"regnet"` for `regnet.npz` and `regnet_tensors.json.gz`; `""` for `logits.npz` and
            `tensors.json.gz`.
    """
    np.savez_compressed(HERE / f"{prefix or 'logits'}.npz", **outputs)
    path = HERE / ("_".join(filter(None, (prefix, "tensors"))) + ".json.gz")
    with gzip.GzipFile(path, "wb", mtime=0) as file:
        file.write(json.dumps(shapes).encode())


def published(name):
    """A network by its name; pytorchcv's pool what is left of an image of any size."""
    if timm.is_model(name):
        return timm.create_model(name)
    se = {"use_se": True} if name.endswith("_se") else {}
    network = get_model(name.removesuffix("_se"), **se)
    if hasattr(network.features, "final_pool"):
        network.features.final_pool = torch.nn.AdaptiveAvgPool2d(1)
    return network


def networks():
    """Yields name, network, mean and deviation, sizes."""
    for statistics, sizes, names in NETWORKS:
        for name in names:
            yield name, published(name), statistics, sizes
    for name, network in small().items():
        yield name, network, IMAGENET, (64, 65)


def main():
    """Writes `logits.npz` and `tensors.json.gz`."""
    write(*measure(networks()))


if __name__ == "__main__":
    main()
