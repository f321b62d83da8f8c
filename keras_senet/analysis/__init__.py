"""What a network costs and what its gates do."""

from keras_senet.analysis.callback import GateLogger
from keras_senet.analysis.cost import cost
from keras_senet.analysis.cost_table import Cost, LayerCost
from keras_senet.analysis.excitation import Excitations, excitations
from keras_senet.analysis.gates import Gates
from keras_senet.analysis.removal import remove_se
from keras_senet.analysis.report import write_report
from keras_senet.analysis.search import Search, Step, search
from keras_senet.analysis.usefulness import BlockUse, Usefulness, usefulness

__all__ = [
    "BlockUse",
    "Cost",
    "Excitations",
    "GateLogger",
    "Gates",
    "LayerCost",
    "Search",
    "Step",
    "Usefulness",
    "cost",
    "excitations",
    "remove_se",
    "search",
    "usefulness",
    "write_report",
]
