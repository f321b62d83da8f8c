"""Which layer of a model a kernel of its file comes from, and whether that layer is trained."""

import math

import keras
import numpy as np

from keras_senet.export.tflite.kernels import laid_out
from keras_senet.surgery.graph import parts_of


class Owners:
    """The layers of a model by the kernels of its folded copy.

    Names do not tell: TensorFlow names an operator by the activation in it, and writes all signs in
    a name alike.

    Args:
        model: The Keras model.
        folded: The same model folded, which the file was converted from.
    """

    def __init__(self, model, folded):
        self.name = model.name
        self.kernels = []  # triples of a variable, its layer and whether that is trained
        self._read(model, folded, model.trainable)
        states = {trained for *_, trained in self.kernels}
        self.common = states.pop() if len(states) == 1 else None

    def _read(self, model, folded, trained):
        originals = {layer.name: layer for layer in model.layers}
        for layer in folded.layers:
            owner = owner_of(layer.name, originals)
            if owner is None:
                continue
            is_trained = bool(trained and owner.trainable)
            if isinstance(layer, keras.Model) and isinstance(owner, keras.Model):
                self._read(owner, layer, is_trained)
                continue
            for part in parts_of(layer):
                kernel = getattr(part, "kernel", None)
                if kernel is not None:
                    self.kernels.append((kernel, owner, is_trained))

    def of(self, kind, kernel, place, named):
        """The layer that a kernel comes from, or `None`, and whether it is trained.

        Args:
            kind: The operator that reads the kernel.
            kernel: Its values, as the file has them.
            place: Name of the operator.
            named: The layer that the name speaks for, or `None`.

        Raises:
            ValueError: If it is not known whether the kernel is trained.
        """
        pairs = [
            (owner, trained)
            for own, owner, trained in self.kernels
            if math.prod(own.shape) == kernel.size
            and _is_of(kernel, laid_out(np.asarray(own), kind))
        ]
        for pair in pairs:
            if pair[0] is named or len({trained for _, trained in pairs}) == 1:
                return pair
        if self.common is None:
            raise ValueError(
                f"Some layers of model {self.name!r} are frozen, and whether {place!r} is one of "
                "them cannot be told from its kernel. Freeze all layers or none, and those of the "
                "result as you like."
            )
        return named, self.common


def owner_of(name, layers):
    """The layer of a model that a layer of its folded copy stands for, or is a part of, or `None`.

    Args:
        name: The layer's name.
        layers: The model's layers by name.
    """
    while name not in layers and "_" in name:
        name = name.rpartition("_")[0]
    return layers.get(name)


def _is_of(kernel, own):
    """Whether a kernel of a file is a layer's own, or that one with its inputs rescaled.

    The converter works a factor of the channels before a convolution into its kernel.

    Args:
        kernel: The file's.
        own: The layer's in the same order, or `None`.
    """
    if own is None or own.shape != kernel.shape:
        return False
    axes = tuple(range(kernel.ndim - 1))
    square = np.sum(np.square(own, dtype="float64"), axes)
    factors = np.sum(own.astype("float64") * kernel, axes) / np.where(square == 0, 1, square)
    return bool(
        np.abs(own * factors - kernel).max(initial=0) <= 1e-5 * np.abs(kernel).max(initial=0)
    )
