"""TinyNet: EfficientNet-B0 made smaller, in image size first; rows of the class `EfficientNet`.

Han et al., https://arxiv.org/abs/2010.14819.
"""

import dataclasses

from keras_senet.architectures.efficientnet import B0, EfficientNet, multiple_of_8

__all__ = ["TinyNetA", "TinyNetB", "TinyNetC", "TinyNetD", "TinyNetE"]


def _smaller(letter, width, depth, input_size):
    """B0 with `width` times the channels and `depth` times the units; its stem and head stay."""
    stages = tuple(
        dataclasses.replace(
            row,
            filters=multiple_of_8(row.filters * width),
            depth=max(1, round(row.depth * depth)),
        )
        for row in B0
    )
    return EfficientNet(
        name=f"tinynet_{letter}",
        stages=stages,
        padding="torch",
        epsilon=1e-5,
        input_size=input_size,
    )


# The factors are those of the authors' code, which is in timm too.
TinyNetA = _smaller("a", width=1.0, depth=1.2, input_size=192)
TinyNetB = _smaller("b", width=0.75, depth=1.1, input_size=188)
TinyNetC = _smaller("c", width=0.54, depth=0.85, input_size=184)
TinyNetD = _smaller("d", width=0.54, depth=0.695, input_size=152)
TinyNetE = _smaller("e", width=0.51, depth=0.6, input_size=106)
