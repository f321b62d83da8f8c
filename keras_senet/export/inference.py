"""Inference, that is `model.predict`: as a function for TensorFlow, and beside an artefact."""

import keras
import numpy as np
import tensorflow as tf

from keras_senet.export.models import example_images, held, image_dtype, predicted
from keras_senet.export.outputs import matched, named

# Share of the largest output by which float32 sums in another order may differ in any network.
ROUNDING = 1e-4
# Networks that amplify small changes amplify the rounding of their first layers too: up to this
# multiple of the difference that the last bits of the images make, a difference is rounding.
AMPLIFIED = 30
# Random changes tried: one may tip a softmax that another one leaves alone.
CHANGES = 8
LEAST_SIZE = 96  # pixels that a model of any size is compared at


def inference(model):
    """What `model.predict` computes, as a function of a batch that TensorFlow can trace.

    One output is returned bare, also where the model returns it in a dictionary or list, several as
    a dictionary by name: see `outputs.named`.

    Without `training=False` each layer would use its own default. That of Keras' image
    preprocessing layers is `True`, and all layers behind one follow it.

    Args:
        model: A Keras model.
    """

    def infer(image):
        outputs = named(model(held(model, image), training=False))
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))

    return infer


def image_spec(model, shape):
    """The `tf.TensorSpec` of a batch `shape` `(N, H, W, C)`, of the type that artefacts take."""
    return tf.TensorSpec(shape, image_dtype(model), "image")


def check_artefact(model, shape, run, kind, coarser=1):
    """Compares an artefact with `model.predict` on two images, output by output.

    The artefact passes if its outputs differ from the model's by no more than rounding: a share of
    the largest output, a multiple of the difference that a change in the last bits of the images
    makes in the model's own outputs, or the difference that a multiple of that change makes (a
    softmax at its ends hides small ones).

    Args:
        model: The exported model.
        shape: `(H, W, C)` of the images, `None` for any height and width.
        run: Function of images `(2, H, W, C)` to the artefact's outputs by name.
        kind: Name of the artefact in the message.
        coarser: How many times coarser than float32 the artefact rounds.

    Raises:
        ValueError: If the outputs differ, or the model's are random.
    """
    images = example_images(model, tuple(size or LEAST_SIZE for size in shape))
    expected, again = predicted(model, images), predicted(model, images)
    scales = {name: _largest(value) for name, value in expected.items()}
    randomness = _differences(expected, again)
    if any(randomness[name] > ROUNDING * scales[name] for name in expected):
        raise ValueError(
            f"Model {model.name!r} cannot be exported: model.predict gives another output each "
            "time for the same images, so something in it is random at inference. Make its "
            "random layers do nothing unless `training` is true."
        )
    found = _differences(expected, matched(expected, run(images), f"its {kind}"))
    wrong = [name for name in expected if found[name] > coarser * ROUNDING * scales[name]]
    rounding = _rounding(model, images, expected) if wrong else {}
    for name in wrong:
        if found[name] > coarser * rounding[name]:
            which = "outputs" if len(expected) == 1 else f"values of output {name!r}"
            raise ValueError(
                f"The {kind} of model {model.name!r} would compute something else than "
                f"model.predict: {which} of up to {scales[name]:.3g} differ by {found[name]:.3g}, "
                "so it was not written. Look for layers whose `get_config` misses an argument, "
                "that mix the images of a batch, or a `predict_step` of the model's own, and build "
                "the model of Keras' layers instead."
            )


def _rounding(model, images, expected):
    """The largest difference that rounding can make in each output of a model."""
    last_bits, more_bits = (_moved(model, images, expected, times) for times in (1, AMPLIFIED))
    return {name: max(AMPLIFIED * last_bits[name], more_bits[name]) for name in expected}


def _moved(model, images, expected, times):
    """The largest difference after a change in the last bits of floats, or by 1 of 1000 integers.

    Args:
        model: The model.
        images: `(2, H, W, C)`.
        expected: Dict of its outputs for them.
        times: How many times larger the change is, or how many times as many integers change.
    """
    rng = np.random.default_rng(1)
    many = np.concatenate([images] * CHANGES)
    if images.dtype == "float32":
        moved = (many * (1 + times * rng.uniform(-1e-6, 1e-6, many.shape))).astype("float32")
    else:
        moved = many + (rng.uniform(size=many.shape) < times * 1e-3).astype(many.dtype)
    repeated = {name: np.concatenate([value] * CHANGES) for name, value in expected.items()}
    return _differences(repeated, predicted(model, moved))


def _largest(outputs):
    finite = outputs[np.isfinite(outputs)]
    return float(np.abs(finite).max(initial=0.0)) or 1.0


def _differences(expected, received):
    return {name: _difference(value, received[name]) for name, value in expected.items()}


def _difference(expected, received):
    received = np.asarray(received, "float32")
    if expected.shape != received.shape or (np.isfinite(expected) != np.isfinite(received)).any():
        return np.inf
    finite = np.isfinite(expected)
    return float(np.abs(expected[finite] - received[finite]).max(initial=0.0))


def as_model(model):
    """The inference as a functional model, for exporters that call without `training=False`."""
    image = keras.Input(model.inputs[0].shape[1:], dtype=image_dtype(model), name="image")
    return keras.Model(image, inference(model)(image), name=model.name)
