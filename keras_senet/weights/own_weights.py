"""A weights file in our own layout, which describes its network."""

import keras
import numpy as np

from keras_senet.weights.fingerprint import adopt, adopt_pixels
from keras_senet.weights.kernels import adapt_stem
from keras_senet.weights.layouts.layout import TOP
from keras_senet.weights.opened import (
    check_variance,
    is_new_classifier,
    take_names,
    warn_of_new_classifier,
)
from keras_senet.weights.readers.tensors import read_tensors
from keras_senet.weights.surroundings import stored_call, warn


def own_variables(model):
    """Pairs of a tensor's name, `"stage2_block1_se.reduce.kernel"`, and our variable for it."""
    for layer in model.layers:
        for variable in layer.weights:
            inner = variable.path.split(f"{layer.name}/")[-1]
            yield f"{layer.name}.{inner.replace('/', '.')}", variable


class OwnWeights:
    """A file in our own layout.

    Args:
        path: Path of the file.
        description: Dict that `metadata.read_description` returned.

    Attributes:
        classes: Number of classes, `None` without classifier.
        headless: Whether it has no classifier.

    Raises:
        ValueError: If the file cannot be read.
    """

    def __init__(self, path, description):
        self.path = path
        self.description = description
        self.tensors = read_tensors(path)
        head = self.tensors.get("head.kernel")
        self.headless = head is None
        self.classes = None if head is None else head.shape[-1]

    def fit(self, architecture):
        """`architecture` with the file's backbone, SE design, preprocessing and evaluation.

        Raises:
            ValueError: If fields differ that the file does not decide.
        """
        architecture = adopt(architecture, self.description, self.path)
        view = self.description.get("view") or {}
        return adopt_pixels(architecture, self.description["besides"], view, self.path)

    def assign(self, model):
        """Checks that every tensor has its place in `model`, then sets all weights.

        Raises:
            ValueError: If a tensor is missing, left over, of another shape or not finite. The
                model is unchanged then.
        """
        variables = dict(own_variables(model))
        classifier = next((layer for layer in model.layers if layer.name == "head"), None)
        is_new = classifier is not None and is_new_classifier(self, classifier)
        if is_new:
            warn_of_new_classifier(self, classifier)
        if classifier is None or is_new:
            variables = {k: one for k, one in variables.items() if not k.startswith("head.")}
        # A model without a classifier also lacks the other layers behind the stages.
        idle = TOP if classifier is None else "head."
        missing = sorted(variables.keys() - self.tensors.keys())
        extra = sorted(
            name for name in self.tensors if name not in variables and not name.startswith(idle)
        )
        if missing or extra:
            raise ValueError(
                f"{self.path} does not fit this network: {len(missing)} tensors are missing, "
                f"{len(extra)} left over, such as {(missing or extra)[0]!r}."
            )
        stem = next((name for name, value in variables.items() if len(value.shape) == 4), None)
        values = {name: self._value(name, variables[name], name == stem) for name in variables}
        for name, variable in variables.items():
            variable.assign(values[name])
        take_names(self, model)
        warn(self.path, stored_call(self.description), model, new_classifier=is_new)

    def _value(self, name, variable, is_stem):
        value, shape = self.tensors[name], tuple(variable.shape)
        if is_stem and value.ndim == 4:
            value = adapt_stem(value, shape[2])
        if value.shape != shape or value.dtype.kind != "f" or not np.isfinite(value).all():
            raise ValueError(
                f"Tensor {name!r} of {self.path} is of shape {value.shape} and dtype {value.dtype}"
                f", or not finite. Expected finite floats of shape {shape}."
            )
        check_variance(self.path, name, variable, value)
        return keras.ops.convert_to_tensor(value)
