"""Writes weight_sets.md, the public weight sets: `python docs/generate_weight_sets.py`."""

import pathlib

from keras_senet.weights import RECORDS
from keras_senet.weights.records.table import crop_text

PAGE = pathlib.Path(__file__).with_name("weight_sets.md")
HEAD = """# Public weight sets

Made by `python docs/generate_weight_sets.py` from the records; `keras_senet.weights.table()` prints
them, `weights="NAME"` loads one. Image, crop and interpolation are those of the evaluation whose
accuracy (in percent) is stated: as published for ImageNet, not measured with this package. The
rows `keras/...` are networks without SE (MobileNetV3: with its own): their accuracy is that of
the network that an SE network starts from. The rows `keras_senet/...` come with the package, were
[trained](cifar10.md) and measured by it on CIFAR-10, and need no network.

A revision `main` means that no full commit is known, and a dash that no checksum is: files of the
hub are compared with the sha256 that the hub states for them, others are taken as they come.

"""
COLUMNS = (
    *("weights", "network", "image", "crop", "interpolation", "data", "top-1", "top-5"),
    *("licence", "revision", "checksum"),
)


def page():
    """The whole text."""
    lines = [_row(COLUMNS), _row(["---"] * len(COLUMNS))]
    for record in RECORDS:
        view = record.preprocessing
        accuracy = ["-" if x is None else f"{x:g}" for x in (record.top1, record.top5)]
        revision = record.revision[:8] if record.repository else "-"
        algorithm, _, digits = (record.checksum or "-").partition(":")
        cells = (
            f"[`{record.name}`]({record.source})",
            ", ".join(f"`{x}`" for x in (record.network, *record.also)),
            str(record.input_size),
            crop_text(view),
            view.interpolation,
            record.data or "-",
            *accuracy,
            record.licence,
            revision,
            f"{algorithm} {digits[:8]}",
        )
        lines.append(_row(cells))
    return HEAD + "\n".join(lines) + "\n"


def _row(cells):
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(page())
