"""Networks that nobody trained, and real images to judge their files by."""

import keras
import numpy as np
from sklearn.datasets import load_sample_images

import keras_senet
from keras_senet.training.batch_norm import zero_gamma

SMALL, LEAST_INCEPTION = 64, 75  # pixels; Inception-ResNet-v2 takes no smaller images


def crops(count, size, seed):
    """Random square crops of two photographs, `(count, size, size, 3)` uint8."""
    rng = np.random.default_rng(seed)
    photographs = load_sample_images().images
    images = []
    for index in range(count):
        photograph = photographs[index % len(photographs)]
        step = int(rng.integers(1, photograph.shape[0] // size + 1))
        top, left = (rng.integers(0, extent - step * size + 1) for extent in photograph.shape[:2])
        images.append(photograph[top::step, left::step][:size, :size])
    return np.stack(images)


def calibrated(network, images, branch=1.0, classes=10):
    """The network with random weights, its normalizations with the statistics of the images.

    Residual branches begin with `branch` as the gamma of their last normalization.
    """
    keras.utils.set_random_seed(0)
    model = network(input_shape=images.shape[1:], classes=classes)
    if branch != 1:
        for name in zero_gamma(model):
            gamma = model.get_layer(name).gamma
            gamma.assign(keras.ops.full(gamma.shape, branch))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(images.astype("float32"), training=True)
    return model


def size_of(network):
    """Height and width of the images to judge a network by."""
    if isinstance(network, keras_senet.InceptionResNet):
        return LEAST_INCEPTION
    return min(network.input_size, SMALL)
