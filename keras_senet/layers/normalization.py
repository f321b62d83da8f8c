"""Normalization of raw pixels, which also holds the evaluation transform of the weights."""

from collections.abc import MutableMapping, Sequence

import keras
import numpy as np

from keras_senet.layers import facts


@keras.saving.register_keras_serializable(package="keras_senet")
class ImageNormalization(keras.layers.Rescaling):
    """`keras.layers.Rescaling` that also holds the evaluation transform of the weights.

    The evaluation transform, here called the view, is the size, crop and interpolation with which
    the accuracy of the weights was measured. The layer does not compute with it. The view is
    saved, copied, exported and loaded with the model, so that `keras_senet.load_image` prepares an
    image as that evaluation did.

    Args:
        scale: Factor of each channel.
        offset: Added to each channel after the factor.
        size: Height and width of an image in pixels, or `None` for any.
        crop: Share of the resized image's shorter side that the centre crop keeps, in 0..1.
        interpolation: Interpolation of the resize, `"bilinear"` or `"bicubic"`.
        crop_mode: `"center"`, or `"squash"`: the resize makes every image square first.
        **kwargs: `name` and `dtype`, as for every Keras layer.

    Example:
        >>> ImageNormalization(1 / 255, 0.0, size=224, crop=0.95).crop
        0.95
    """

    def __init__(
        self,
        scale: float | Sequence[float],
        offset: float | Sequence[float] = 0.0,
        size: int | tuple[int, int] | None = None,
        crop: float = 0.875,
        interpolation: str = "bilinear",
        crop_mode: str = "center",
        **kwargs,
    ):
        super().__init__(scale, offset, **kwargs)
        self.size = size
        self.crop = crop
        self.interpolation = interpolation
        self.crop_mode = crop_mode

    def get_config(self) -> dict:
        """All constructor arguments, for serialization."""
        return {
            **super().get_config(),
            "size": self.size,
            "crop": self.crop,
            "interpolation": self.interpolation,
            "crop_mode": self.crop_mode,
        }

    def save_own_variables(self, store: MutableMapping) -> None:
        """Writes scale, offset and view, which Keras would leave out of a weights file."""
        super().save_own_variables(store)
        view = {
            "size": self.size,
            "crop": self.crop,
            "interpolation": self.interpolation,
            "crop_mode": self.crop_mode,
        }
        facts.write(store, {"computation": self._computation(), "view": view})

    def load_own_variables(self, store: MutableMapping) -> None:
        """Takes over the view of the file, which belongs to its weights.

        Raises:
            ValueError: If the weights were trained on pixels that were normalized otherwise.
        """
        stored = facts.check(store, self._computation(), f"a normalization {self.name!r}")
        super().load_own_variables(store)
        view = (stored or {}).get("view", {})
        self.size = view.get("size", self.size)
        self.crop = view.get("crop", self.crop)
        self.interpolation = view.get("interpolation", self.interpolation)
        self.crop_mode = view.get("crop_mode", "center")  # of files from before there were two

    def _computation(self):
        named = {"scale": self.scale, "offset": self.offset}
        return {name: np.ravel(value).astype(float).tolist() for name, value in named.items()}
