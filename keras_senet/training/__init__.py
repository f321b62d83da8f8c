"""Training a network with `model.fit`, as a recipe says."""

from keras_senet.training.recipes import DIGITS, PAPER, Recipe
from keras_senet.training.sgd import SGD
from keras_senet.training.train import Result, train

__all__ = ["DIGITS", "PAPER", "SGD", "Recipe", "Result", "train"]
