"""What a network costs and what its gates do."""

from keras_senet.analysis.cost import Cost, LayerCost, cost

__all__ = ["Cost", "LayerCost", "cost"]
