"""What a network costs, what its gates do, and where ported weights go wrong."""

from keras_senet.analysis.cost import Cost, LayerCost, cost
from keras_senet.analysis.diagnose import Diagnosis, diagnose

__all__ = ["Cost", "Diagnosis", "LayerCost", "cost", "diagnose"]
