"""What a network costs, what its gates do, and where ported weights go wrong."""

from keras_senet.analysis.costs.cost import Cost, LayerCost
from keras_senet.analysis.costs.model_cost import cost
from keras_senet.analysis.gates.callback import GateLogger
from keras_senet.analysis.gates.excitation import Excitations, excitations
from keras_senet.analysis.gates.report import write_report
from keras_senet.analysis.gates.statistics import Gates
from keras_senet.analysis.ports.diagnosis import Diagnosis, diagnose
from keras_senet.analysis.removal.frozen_gates import remove_se
from keras_senet.analysis.removal.search import Search, Step, search
from keras_senet.analysis.removal.usefulness import BlockUse, Usefulness, usefulness

__all__ = [
    "BlockUse",
    "Cost",
    "Diagnosis",
    "Excitations",
    "GateLogger",
    "Gates",
    "LayerCost",
    "Search",
    "Step",
    "Usefulness",
    "cost",
    "diagnose",
    "excitations",
    "remove_se",
    "search",
    "usefulness",
    "write_report",
]
