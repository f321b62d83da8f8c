"""Reading public weights into our networks."""

from keras_senet.weights.preprocessing import CIFAR, IMAGENET, INCEPTION, Preprocessing

__all__ = ["CIFAR", "IMAGENET", "INCEPTION", "Preprocessing"]
