"""Makes the golden numbers of dilated networks again: output_stride.npz and its tensors.

Needs the environment of README.md. Then: python tests/golden/make_output_stride.py
"""

from functools import partial

import torch
from make_golden import DEEP, IMAGENET, SE, randomize, write
from packages import timm
from random_tensors import image
from timm.layers import get_attn
from timm.models import regnet, resnet

SIZES = (64, 75)  # 75: the maps are of 38, 19 and 10 pixels
# Two units in the last stages: the first of a stage is dilated less than the others.
ONE = {"layers": (1, 1, 2, 2), "num_classes": 10}
LINE = {"w0": 24, "wa": 16.0, "wm": 1.4, "depth": 6, "group_size": 8}  # 1, 1, 2, 2 units
RS = {"attn_layer": partial(get_attn("se"), rd_ratio=0.25)}


def residual(block=resnet.Bottleneck, **fields):
    """A function from the output stride to a network."""
    return lambda output_stride: resnet.ResNet(
        block, **ONE, **{**SE, **fields}, output_stride=output_stride
    )


NETWORKS = {
    "dilated_seresnet": residual(),
    "dilated_basic": residual(resnet.BasicBlock),
    "dilated_seresnext_d": residual(cardinality=32, base_width=4, stem_width=32, **DEEP),
    "dilated_seresnextaa_d": residual(
        cardinality=32, base_width=4, stem_width=32, aa_layer=torch.nn.AvgPool2d, **DEEP
    ),
    "dilated_senet154": residual(
        cardinality=64, base_width=4, stem_type="deep", down_kernel_size=3, block_reduce_first=2
    ),
    "dilated_resnetrs": residual(block_args=RS, stem_width=32, replace_stem_pool=True, **DEEP),
    "dilated_regnety": lambda output_stride: regnet.RegNet(
        regnet.RegNetCfg(**LINE, se_ratio=0.25), num_classes=10, output_stride=output_stride
    ),
}


def outputs(network, size):
    """Logits, and the mean over the channels of the last map, computed in float64."""
    mean, std = IMAGENET
    x = (image(size).astype("float64") / 255 - mean) / std
    x = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous()
    with torch.no_grad():
        network = network.double()
        return network(x)[0].numpy(), network.forward_features(x)[0].mean(0).numpy()


def main():
    """Writes both files."""
    values, shapes = {}, {}
    for name, build in NETWORKS.items():
        for stride in (8, 16, 32):
            network = build(stride).eval()
            shapes[name] = randomize(network)  # the same for each stride
            for size in SIZES:
                if size % 32 and "aa" in name:
                    continue  # timm rounds branch and shortcut differently, and fails
                logits, features = outputs(network, size)
                key = f"{name}/{stride}/{size}"
                values[f"{key}/logits"] = logits.astype("float32")
                values[f"{key}/map"] = features.astype("float32")
                print(f"{key:32} {features.shape} std {logits.std():.3f}", flush=True)
    write(values, shapes, "output_stride")


if __name__ == "__main__":
    assert timm.__version__ == "1.0.31"
    main()
