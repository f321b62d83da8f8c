"""What a network costs, what its gates do, and where ported weights go wrong."""

from keras_senet.analysis.callback import GateLogger
from keras_senet.analysis.cost import cost
from keras_senet.analysis.cost_table import Cost, LayerCost
from keras_senet.analysis.diagnose import Diagnosis, diagnose
from keras_senet.analysis.excitation import Excitations, excitations
from keras_senet.analysis.gates import Gates
from keras_senet.analysis.removal import remove_se
from keras_senet.analysis.report import write_report
from keras_senet.analysis.search import Search, Step, search
from keras_senet.analysis.usefulness import BlockUse, Usefulness, usefulness

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
