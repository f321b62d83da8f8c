"""timm, imported also where torchvision lacks the operators that its own import asks for.

Before pytorchcv, which imports torchvision too. `benchmarks/timm_contender.py` shares this file.
"""

import torch

try:
    import torchvision  # noqa: F401
except RuntimeError:  # the CPU build of PyTorch with a torchvision that was built for another
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import timm

__all__ = ["timm"]
