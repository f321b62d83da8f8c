"""Makes timm_configs.json again: what timm states for the weight sets that we may list.

Needs the environment of README.md. Then: python tests/golden/make_configs.py
"""

import json
import pathlib
import re

from packages import timm

NETWORKS = (
    r"(legacy_)?se(resnet|resnext|resnextaa|net)\d.*|(tf_)?mobilenetv3_.*|semnasnet_.*"
    r"|tinynet_.*|mnasnet_small\..*|test_efficientnet\..*"
    r"|ecaresnet(26t|50d|50t|101d|269d)\..*"
    r"|regnety_\d+(_tv)?\..*|resnetrs\d+\..*|(tf_)?efficientnet_(b\d|l2)\..*|(tf_)?efficientnetv2_.*"
)
FILE = pathlib.Path(__file__).with_name("timm_configs.json")

configs = {}
for name in timm.list_models(pretrained=True):
    if not re.fullmatch(NETWORKS, name):
        continue
    config = timm.get_pretrained_cfg(name)
    test_size = config.test_input_size or config.input_size
    configs[name] = {
        "size": test_size[-1],
        "crop": config.test_crop_pct or config.crop_pct,
        "interpolation": config.interpolation,
        "crop_mode": config.crop_mode,
        "mean": list(config.mean),
        "std": list(config.std),
        "classes": config.num_classes,
        "url": config.url,
    }
FILE.write_text(json.dumps(dict(sorted(configs.items())), indent=0) + "\n")
