"""How a network wants its pixels: a property of the weights, kept in the model as a layer."""

import dataclasses

import keras


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """Normalization of raw pixels in 0..255: `(x / 255 - mean) / std`.

    Attributes:
        mean: Mean of every channel, of pixels scaled to 0..1.
        std: Standard deviation of every channel, of pixels scaled to 0..1, not zero.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self):
        if len(self.mean) != len(self.std) or not all(value > 0 for value in self.std):
            raise ValueError(
                "`mean` and `std` must have one value for every channel, `std` above 0. "
                f"Received: mean={self.mean}, std={self.std}"
            )

    def layer(self, name="preprocessing"):
        """The Keras layer, which computes in float32 under every policy."""
        return keras.layers.Rescaling(
            scale=[1 / (255 * std) for std in self.std],
            offset=[-mean / std for mean, std in zip(self.mean, self.std, strict=True)],
            dtype="float32",
            name=name,
        )


# The usual statistics of the two training sets, RGB.
IMAGENET = Preprocessing(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
CIFAR = Preprocessing(mean=(0.4914, 0.4822, 0.4465), std=(0.2023, 0.1994, 0.2010))
# To -1..1, of TensorFlow's Inception and MobileNet.
INCEPTION = Preprocessing(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
