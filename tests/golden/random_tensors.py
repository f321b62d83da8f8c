"""Random weights and images as pure functions of names, shapes and sizes.

Reference implementations and our tests make the same ones: only the outputs need to be stored.
"""

import math
import zlib

import numpy as np


def tensor(name, shape):
    """The float32 tensor of this name and shape of a PyTorch state_dict."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    kind = name.rsplit(".", 1)[-1]
    if len(shape) >= 2:
        fan_in = math.prod(shape[1:])
        return (rng.standard_normal(shape) * math.sqrt(2 / fan_in)).astype("float32")
    if kind == "running_var" or kind == "weight":
        values = rng.uniform(0.5, 1.5, shape)
        # Weak normalizations at the end of branches keep deep sums in a range where float32 is
        # exact to 1e-6 and gates do not saturate: "bn3" (pytorchcv: "conv3.bn") ends a
        # bottleneck, "bn2" a basic block, "expand_bn3" a unit of ShuffleNet.
        module = (
            name.removesuffix(".weight").replace(".conv2.bn", ".bn2").replace(".conv3.bn", ".bn3")
        )
        weak = {"bn2": 0.5, "bn3": 0.3, "expand_bn3": 0.3}
        return (values * weak.get(module.rsplit(".", 1)[-1], 1)).astype("float32")
    return (rng.standard_normal(shape) * 0.1).astype("float32")


def image(size):
    """One raw RGB image `(1, size, size, 3)` in 0..255: waves and noise, float32."""
    rng = np.random.default_rng(size)
    rows, columns = np.mgrid[:size, :size][..., None] / size * 2 * np.pi
    phases = rng.uniform(0, 2 * np.pi, (2, 3))
    waves = np.sin(2 * rows + phases[0]) + np.cos(3 * columns + phases[1])
    noise = rng.normal(0, 20, (size, size, 3))
    return np.clip(np.rint(127 + 50 * waves + noise), 0, 255)[None].astype("float32")
