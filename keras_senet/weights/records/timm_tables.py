"""Weight sets of timm that are rows of a data file, in the words of timm's configurations.

Accuracies are those of timm's `results-imagenet.csv`, at the size and crop of its test
configuration.
"""

import csv
import pathlib

from keras_senet.weights.preprocessing import Preprocessing
from keras_senet.weights.records.record import WeightRecord

# Column `backbone`: fields that the file leaves open, as where it was trained.
BACKBONES = {
    "": {},
    "tensorflow": {"padding": "same", "epsilon": 1e-3},
    "torch": {"padding": "torch", "epsilon": 1e-5},
}
# Column `classes`: the data set that has so many. SEER learned without any.
DATA = {
    1000: "ImageNet",
    11821: "ImageNet-12k",
    11221: "ImageNet-21k",
    21843: "ImageNet-21k",
    0: None,
}


def read(name):
    """The records of a data file.

    Args:
        name: Name of the file, in this folder: one row a weight set, its columns as in
            `timm_mobile.csv`. Numbers of the three channels are separated by spaces.

    Returns:
        A tuple of `WeightRecord`, in the order of the rows.
    """
    with pathlib.Path(__file__).with_name(name).open(newline="") as file:
        return tuple(_record(row) for row in csv.DictReader(file))


def _record(row):
    return WeightRecord(
        name=f"timm/{row['weights']}",
        network=row["network"],
        fields=BACKBONES[row["backbone"]],
        repository=f"timm/{row['weights']}",
        preprocessing=Preprocessing(
            mean=tuple(map(float, row["mean"].split())),
            std=tuple(map(float, row["std"].split())),
            crop=float(row["crop"]),
            interpolation=row["interpolation"],
            crop_mode=row["crop_mode"],
        ),
        input_size=int(row["size"]),
        classes=int(row["classes"]),
        data=DATA[int(row["classes"])],
        licence=row["licence"],
        top1=float(row["top1"]) if row["top1"] else None,
        top5=float(row["top5"]) if row["top5"] else None,
    )
