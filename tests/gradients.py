"""Gradients of a model's trainable weights on the backend that runs."""

import keras
import numpy as np


def gradients(model, x, y):
    """Pairs of a weight's path and its gradient of the cross-entropy, as an array."""
    found = {
        "tensorflow": _tensorflow,
        "jax": _jax,
        "torch": _torch,
    }[keras.backend.backend()](model, x, y)
    paths = [weight.path for weight in model.trainable_weights]
    return list(zip(paths, found, strict=True))


def _loss(y, output):
    return keras.ops.mean(keras.losses.sparse_categorical_crossentropy(y, output))


def _tensorflow(model, x, y):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = _loss(y, model(x, training=True))
    values = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    return [np.asarray(value) for value in values]


def _jax(model, x, y):
    import jax

    def loss(trainable, others):
        output, _ = model.stateless_call(trainable, others, x, training=True)
        return _loss(y, output)

    variables = (
        [weight.value for weight in model.trainable_weights],
        [variable.value for variable in model.non_trainable_variables],
    )
    # One program, which runs once: compiling it well would take longer than running it badly.
    options = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    values = jax.jit(jax.grad(loss), compiler_options=options)(*variables)
    return [np.asarray(value) for value in values]


def _torch(model, x, y):
    model.zero_grad()
    _loss(y, model(x, training=True)).backward()
    return [weight.value.grad.detach().cpu().numpy() for weight in model.trainable_weights]
