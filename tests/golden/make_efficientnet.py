"""Makes the golden numbers of EfficientNet and its relatives again, from timm.

Needs the environment of README.md. Then: python tests/golden/make_efficientnet.py
"""

from make_golden import IMAGENET, INCEPTION, measure, write
from packages import timm
from timm.models import efficientnet

TENSORFLOW = {"bn_eps": 1e-3, "pad_type": "same"}
TEN = {"num_classes": 10}


def small():
    """Narrow networks of few units, for the quick suite."""
    return {
        "small_tf_efficientnet": efficientnet._gen_efficientnet(
            "tf_efficientnet_b0", 0.25, 0.5, **TENSORFLOW, **TEN
        ),
        "small_efficientnet": efficientnet._gen_efficientnet("efficientnet_b0", 0.25, 1.2, **TEN),
        "small_tf_efficientnetv2": efficientnet._gen_efficientnetv2_base(
            "tf_efficientnetv2_b0", 0.35, 0.4, **TENSORFLOW, **TEN
        ),
        "small_efficientnetv2_rw": efficientnet._gen_efficientnetv2_s(
            "efficientnetv2_rw_s", 0.35, 0.2, rw=True, **TEN
        ),
        "small_semnasnet": efficientnet._gen_mnasnet_a1("semnasnet_050", 0.5, **TEN),
        "small_mnasnet": efficientnet._gen_mnasnet_small("mnasnet_small", 0.5, **TEN),
    }


# Mean and deviation, sizes of images, and timm's names.
NETWORKS = (
    (IMAGENET, (224, 225), ("tf_efficientnet_b0", "efficientnet_b1", "tf_efficientnetv2_b0")),
    (IMAGENET, (224, 225), ("efficientnetv2_rw_t", "semnasnet_075", "semnasnet_100")),
    (IMAGENET, (193, 224), ("tf_efficientnet_b4",)),
    (INCEPTION, (193, 224), ("tf_efficientnetv2_s",)),
    (IMAGENET, (64, 65), ("mobilenetv3_small_050",)),
    (IMAGENET, (224, 225), ("mobilenetv3_large_150d", "mnasnet_small")),
    (INCEPTION, (224, 225), ("tf_mobilenetv3_large_075", "tf_mobilenetv3_small_075")),
    (IMAGENET, (192, 193), ("tinynet_a",)),
    (IMAGENET, (106, 107), ("tinynet_e",)),
    (IMAGENET, (160, 161), ("test_efficientnet",)),
)


def networks():
    """Yields name, network, mean and deviation, sizes."""
    for name, network in small().items():
        yield name, network, IMAGENET, (64, 65)
    for statistics, sizes, names in NETWORKS:
        for name in names:
            yield name, timm.create_model(name), statistics, sizes


def main():
    """Writes `efficientnet.npz` and `efficientnet_tensors.json.gz`."""
    write(*measure(networks()), "efficientnet")


if __name__ == "__main__":
    main()
