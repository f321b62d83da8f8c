"""Batch normalization in a run: zero gamma, freezing, statistics of the final weights."""

import contextlib
import itertools

import keras
import numpy as np
from keras import ops


def normalizations(model):
    """The batch normalization layers of a model."""
    return [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]


def zero_gamma(model):
    """Sets gamma of the last normalization of every residual branch to 0.

    At the start every residual unit then computes its shortcut alone (Goyal et al.,
    https://arxiv.org/abs/1706.02677, section 5.1).

    Args:
        model: A model of this package, whose units `NAME` end in layers `NAME_add`.

    Returns:
        Names of the layers, one for each residual unit.

    Raises:
        ValueError: If there is no residual unit that ends in a normalization.
    """
    chosen = []
    for add in (layer for layer in model.layers if isinstance(layer, keras.layers.Add)):
        unit = add.name.removesuffix("_add")
        branch = [
            layer
            for layer in normalizations(model)
            if layer.name.startswith(f"{unit}_") and not layer.name.startswith(f"{unit}_shortcut")
        ]
        # Parallel branches (Inception) end in a convolution of their own.
        if branch and not any("_branch" in layer.name for layer in branch):
            chosen.append(branch[-1])
    if not chosen:
        raise ValueError(
            f"`zero_gamma` needs residual branches that end in batch normalization. {model.name} "
            "has none: train it without."
        )
    for layer in chosen:
        layer.gamma.assign(ops.zeros(layer.gamma.shape))
    return [layer.name for layer in chosen]


def freeze_batch_norm(model):
    """Freezes all batch normalization layers of a model.

    They normalize by their moving statistics from now on; neither these nor gamma and beta change.
    A compiled model is compiled again, and the optimizer keeps its state of all other weights.
    Call it between two calls of `model.fit`, the second with `initial_epoch`: Keras does not notice
    the change during one, and on JAX its optimizer cannot leave out weights that it was built for.

    Args:
        model: The model.

    Example:
        >>> layers = [keras.layers.Dense(4), keras.layers.BatchNormalization()]
        >>> model = keras.Sequential([keras.Input((8,)), *layers])
        >>> model.compile("sgd", "mse")
        >>> x, y = np.ones((64, 8)), np.ones((64, 4))
        >>> history = model.fit(x, y, epochs=3, verbose=0)
        >>> freeze_batch_norm(model)
        >>> history = model.fit(x, y, initial_epoch=3, epochs=4, verbose=0)
    """
    for layer in normalizations(model):
        layer.trainable = False
    if not model.compiled:
        return
    before = model.optimizer
    model.compile_from_config(model.get_compile_config())
    if not before.built:
        return
    state = {variable.path: ops.convert_to_numpy(variable) for variable in before.variables}
    for variable in model.optimizer.variables:
        variable.assign(state[variable.path])


def precise_batch_norm(model, batches, count):
    """Replaces moving averages by the statistics of `count` batches under the final weights.

    With batch means m and variances v, all batches of one size, the statistics become those of all
    images together: `mean(m)` and `mean(v + m^2) - mean(m)^2` (Wu and Johnson,
    https://arxiv.org/abs/2105.07576, section 3.2).

    Args:
        model: The model; only moving means and variances change, and those of frozen
            normalization do not.
        batches: Image batches `(B, H, W, 3)`, augmented as in training.
        count: How many batches to use.

    Raises:
        ValueError: If there are fewer.
    """
    layers = [layer for layer in normalizations(model) if layer.trainable]
    means, squares = [0.0] * len(layers), [0.0] * len(layers)
    seen = 0
    with _momentum_of_0(layers):
        moments = _moments_of(model, layers)
        for images in itertools.islice(batches, count):
            for index, (mean, variance) in enumerate(moments(images)):
                means[index] += mean / count
                squares[index] += (variance + mean**2) / count
            seen += 1
    if seen < count:
        raise ValueError(f"Expected {count} batches of images. Received: {seen}")
    for layer, mean, square in zip(layers, means, squares, strict=True):
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(square - mean**2)


@contextlib.contextmanager
def _momentum_of_0(layers):
    """A `with` block in which the moving statistics become those of the last batch."""
    before = [layer.momentum for layer in layers]
    try:
        for layer in layers:
            layer.momentum = 0.0
        yield
    finally:
        for layer, momentum in zip(layers, before, strict=True):
            layer.momentum = momentum


def _moments_of(model, layers):
    """A function from images to pairs of a mean and a variance, one for each layer."""
    places = {variable.path: i for i, variable in enumerate(model.non_trainable_variables)}
    pairs = [
        (places[layer.moving_mean.path], places[layer.moving_variance.path]) for layer in layers
    ]
    trainable, others = (
        [ops.convert_to_tensor(variable) for variable in variables]
        for variables in (model.trainable_variables, model.non_trainable_variables)
    )

    def forward(trainable, others, images):
        _, new = model.stateless_call(trainable, others, images, training=True)
        return [(new[mean], new[variance]) for mean, variance in pairs]

    compiled = _compiled(forward)

    def moments(images):
        found = compiled(trainable, others, ops.convert_to_tensor(images))
        return [[np.asarray(ops.convert_to_numpy(x), "float64") for x in pair] for pair in found]

    return moments


def _compiled(function):
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function)
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    return function
