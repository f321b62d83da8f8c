"""The table of public weight sets."""

import difflib

from keras_senet.weights.records import timm_tables
from keras_senet.weights.records.caffe import CAFFE_RECORDS
from keras_senet.weights.records.keras_applications import KERAS_RECORDS
from keras_senet.weights.records.packaged import PACKAGED_RECORDS
from keras_senet.weights.records.record import OWN
from keras_senet.weights.records.timm import TIMM_RECORDS

RECORDS = (
    *TIMM_RECORDS,
    *timm_tables.read("timm_residual.csv"),
    *timm_tables.read("timm_mobile.csv"),
    *CAFFE_RECORDS,
    *KERAS_RECORDS,
    *PACKAGED_RECORDS,
)
SOURCES = (OWN, "timm/", "smp-hub/", "caffe/", "keras/")


def find(name):
    """The `WeightRecord` of this name, or `None` for a text that does not begin like such names.

    Raises:
        ValueError: If it begins like the names of records, and no record has it.
    """
    for record in RECORDS:
        if record.name == name:
            return record
    if not name.startswith(SOURCES):
        return None
    raise ValueError(f"No weight set {name!r}. {near(name)}keras_senet.weights.table() prints all.")


def near(name):
    """A sentence, with a space behind it, on the weight sets of like names; `""` without any."""
    names = [record.name for record in RECORDS]
    found = difflib.get_close_matches(name, names, n=5, cutoff=0.5)
    return f"Near it: {', '.join(found)}. " if found else ""


def fitting(architecture, most=6):
    """A sentence that names the weight sets for an architecture, best top-1 first.

    Args:
        architecture: Name of the architecture, `"se_resnet50"`.
        most: Number of weight sets to name; the others are counted.
    """
    records = [record for record in RECORDS if record.fits(architecture)]
    if not records:
        return f"No weight set fits {architecture}: leave `weights` out and train it."
    records.sort(key=lambda record: -(record.top1 or 0))
    names = [
        record.name if record.top1 is None else f"{record.name} ({record.top1:g} %)"
        for record in records
    ]
    more = "" if len(names) <= most else f" and {len(names) - most} more"
    return f"Weight sets that fit {architecture}: {', '.join(names[:most])}{more}."


def crop_text(preprocessing):
    """The crop of an evaluation, `"0.875"`, or `"0.9, squashed"`."""
    squashed = ", squashed" if preprocessing.crop_mode == "squash" else ""
    return f"{preprocessing.crop:g}{squashed}"


def rows():
    """Header and rows of the table, as tuples of texts."""
    lines: list[tuple[str, ...]] = [
        (
            "weights",
            "network",
            "image",
            "crop",
            "interpolation",
            "data",
            "top-1",
            "top-5",
            "licence",
        )
    ]
    for record in RECORDS:
        lines.append(
            (
                record.name,
                ", ".join((record.network, *record.also)),
                str(record.input_size),
                crop_text(record.preprocessing),
                record.preprocessing.interpolation,
                record.data or "-",
                *("-" if value is None else f"{value:g}" for value in (record.top1, record.top5)),
                record.licence,
            )
        )
    return lines


def table(network: str | None = None) -> None:
    """Prints the public weight sets.

    Args:
        network: Name of an architecture, `"SEResNet50"`, to print only those that fit it.

    Example:
        >>> table("SEBNInception")
        weights ...
        caffe/SE-BN-Inception ...
    """
    head, *body = rows()
    fitting = [record.name for record in RECORDS if network is None or record.fits(network.lower())]
    lines = [head, *(row for row in body if row[0] in fitting)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(map(str.ljust, line, widths)).rstrip())
