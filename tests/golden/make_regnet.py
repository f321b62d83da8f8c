"""Makes the golden numbers of RegNet and ResNet-RS again: regnet.npz and regnet_tensors.json.gz.

Needs the environment of README.md. Then: python tests/golden/make_regnet.py
"""

from functools import partial

from make_golden import DEEP, IMAGENET, ONE, measure, write
from packages import timm
from timm.layers import get_attn
from timm.models import regnet, resnet

# Names, and the sizes of their images.
NETWORKS = {
    "regnety_002": (224, 225),
    "regnety_016": (224, 225),
    "regnety_080_tv": (224, 225),
    "regnetx_002": (65,),
    "resnetrs50": (160, 225),
    "resnetrs101": (161, 192),
}
LINE = {"w0": 24, "wa": 12.0, "wm": 1.4, "depth": 5}
SE = {"attn_layer": partial(get_attn("se"), rd_ratio=0.25)}


def small():
    """Networks of one or two units a stage, for the quick suite."""
    rows = {
        "small_regnetx": regnet.RegNetCfg(**LINE, group_size=8),
        "small_regnety": regnet.RegNetCfg(**LINE, group_size=8, se_ratio=0.25),
        "small_regnety_tv": regnet.RegNetCfg(
            **LINE, group_size=24, se_ratio=0.25, group_min_ratio=0.9
        ),
    }
    networks = {name: regnet.RegNet(row, num_classes=10) for name, row in rows.items()}
    networks["small_resnetrs"] = resnet.ResNet(
        resnet.Bottleneck, **ONE, **DEEP, block_args=SE, stem_width=32, replace_stem_pool=True
    )
    return networks


def networks():
    """Yields name, network, mean and deviation, sizes."""
    for name, network in small().items():
        yield name, network, IMAGENET, (64, 65)
    for name, sizes in NETWORKS.items():
        yield name, timm.create_model(name), IMAGENET, sizes


def main():
    """Writes both files."""
    write(*measure(networks()), "regnet")


if __name__ == "__main__":
    main()
