"""Why a network with ported weights is wrong: the usual causes, tried in all combinations."""

import dataclasses
import itertools

import keras
import numpy as np

from keras_senet.layers import ImageNormalization
from keras_senet.weights import CAFFE, IMAGENET, INCEPTION, Preprocessing
from keras_senet.weights.labels import from_caffe

NORMALIZATIONS = {
    "ImageNet mean and deviation": IMAGENET,
    "-1..1": INCEPTION,
    "Caffe mean": CAFFE,
    "0..1": Preprocessing(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
}
EPSILONS = (1e-5, 1e-3)


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """One way to run the network, and how well it does.

    Attributes:
        accuracy: Share of the images whose best class is the label.
        log_likelihood: Mean logarithm of the label's probability.
        channel_order: `"rgb"` or `"bgr"`.
        normalization: Name in `NORMALIZATIONS`.
        epsilon: Epsilon of the batch normalizations.
        labels: Order of the network's classes, `"imagenet"` or `"caffe"`.
    """

    accuracy: float
    log_likelihood: float
    channel_order: str
    normalization: str
    epsilon: float
    labels: str


def diagnose(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> list[Diagnosis]:
    """Tries channel orders, normalizations, epsilons and orders of labels; the best comes first.

    Args:
        model: A model of `keras_senet` with preprocessing and a softmax; unchanged afterwards.
        images: Raw RGB pixels `(N, H, W, 3)` in 0..255.
        labels: `(N,)` integers, ImageNet's classes in the usual order (or those of the model).

    Returns:
        A list of `Diagnosis`, by accuracy and then by likelihood.

    Raises:
        ValueError: If the model has no preprocessing layer.

    Example:
        >>> model = keras_senet.SEResNet20.replace(depths=(1, 1, 1))()
        >>> images, labels = keras_senet.data.load("digits").held_out_arrays(16)
        >>> best, *others = diagnose(model, images, labels)
        >>> len(others)
        15
    """
    found = [layer for layer in model.layers if isinstance(layer, ImageNormalization)]
    if len(found) != 1:
        raise ValueError(f"{model.name!r} has no preprocessing layer to vary.")
    images, labels = np.asarray(images, "float64"), np.asarray(labels)
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    kept = [layer.epsilon for layer in norms]
    results = []
    try:
        for (name, normalization), order, epsilon in itertools.product(
            NORMALIZATIONS.items(), ("rgb", "bgr"), EPSILONS
        ):
            for layer in norms:
                layer.epsilon = epsilon
            pixels = images[..., ::-1] if order == "bgr" else images
            # Inputs that the model's own preprocessing turns into pixels normalized as tried.
            tried = (pixels / 255 - normalization.mean) / normalization.std
            inputs = (tried - found[0].offset) / found[0].scale
            scores = keras.ops.convert_to_numpy(model(inputs.astype("float32"), training=False))
            for label_order, ordered in (("imagenet", scores), ("caffe", from_caffe(scores.T).T)):
                if label_order == "caffe" and scores.shape[1] != 1000:
                    continue
                correct = ordered.argmax(1) == labels
                chosen = ordered[np.arange(len(labels)), labels]
                likelihood = float(np.log(np.maximum(chosen, 1e-12)).mean())
                results.append(
                    Diagnosis(float(correct.mean()), likelihood, order, name, epsilon, label_order)
                )
    finally:
        for layer, epsilon in zip(norms, kept, strict=True):
            layer.epsilon = epsilon
    return sorted(results, key=lambda x: (x.accuracy, x.log_likelihood), reverse=True)
