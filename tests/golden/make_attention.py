"""Makes the golden numbers of ECA and eSE again: attention.npz and attention_tensors.json.gz.

Needs the environment of README.md. Then: python tests/golden/make_attention.py
"""

import torch
from make_golden import DEEP, IMAGENET, ONE, measure, randomize, write
from packages import timm
from random_tensors import tensor
from timm.layers import EcaModule, EffectiveSEModule
from timm.models import resnet

# Names, and the sizes of their images.
NETWORKS = {
    "ecaresnet26t": (224, 225),
    "ecaresnet50d": (224, 225),
    "ecaresnet50t": (224,),
    "ecaresnet101d": (224,),
    "ecaresnet269d": (224,),
}
ECA, ESE = ({"block_args": {"attn_layer": name}} for name in ("eca", "ese"))


def small():
    """Networks of one block a stage, for the quick suite."""
    return {
        "small_ecaresnet": resnet.ResNet(resnet.Bottleneck, **ONE, **ECA),
        "small_ecaresnet_basic": resnet.ResNet(resnet.BasicBlock, **ONE, **ECA),
        "small_ecaresnet_d": resnet.ResNet(resnet.Bottleneck, **ONE, **ECA, **DEEP, stem_width=32),
        "small_ecaresnet_t": resnet.ResNet(
            resnet.Bottleneck, **ONE, **ECA, stem_type="deep_tiered", avg_down=True, stem_width=32
        ),
        "small_eseresnet": resnet.ResNet(resnet.Bottleneck, **ONE, **ESE),
    }


class SCSEModule(torch.nn.Module):
    """scSE as in segmentation_models_pytorch (segmentation_models_pytorch/base/modules.py)."""

    def __init__(self, channels, reduction=16):
        super().__init__()
        self.cSE = torch.nn.Sequential(
            torch.nn.AdaptiveAvgPool2d(1),
            torch.nn.Conv2d(channels, channels // reduction, 1),
            torch.nn.ReLU(inplace=True),
            torch.nn.Conv2d(channels // reduction, channels, 1),
            torch.nn.Sigmoid(),
        )
        self.sSE = torch.nn.Sequential(torch.nn.Conv2d(channels, 1, 1), torch.nn.Sigmoid())

    def forward(self, x):
        return x * self.cSE(x) + x * self.sSE(x)


MODULES = {
    **{f"eca{channels}": EcaModule(channels) for channels in (16, 96, 512)},
    "ese64": EffectiveSEModule(64),
    "scse64": SCSEModule(64),
}


def layer_outputs():
    """Outputs of the modules for the same image of random channels, by name."""
    for name, module in MODULES.items():
        shapes = randomize(module.eval())
        channels = int("".join(filter(str.isdigit, name)))
        x = torch.from_numpy(tensor("x", (2, channels, 3, 4))).double()
        with torch.no_grad():
            yield name, shapes, module.double()(x).permute(0, 2, 3, 1).numpy()


def networks():
    """Yields name, network, mean and deviation, sizes."""
    for name, network in small().items():
        yield name, network, IMAGENET, (64, 65)
    for name, sizes in NETWORKS.items():
        yield name, timm.create_model(name), IMAGENET, sizes


def main():
    """Writes both files."""
    outputs, shapes = measure(networks())
    for name, of_module, values in layer_outputs():
        shapes[name] = of_module
        outputs[name] = values.astype("float32")
    write(outputs, shapes, "attention")


if __name__ == "__main__":
    main()
