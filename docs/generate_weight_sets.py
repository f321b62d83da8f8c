"""Writes weight_sets.md, the public weight sets: `python docs/generate_weight_sets.py`."""

import pathlib

from keras_senet.weights import RECORDS
from keras_senet.weights.records.table import crop_text

PAGE = pathlib.Path(__file__).with_name("weight_sets.md")
HEAD = """# Public weight sets

Made by `python docs/generate_weight_sets.py` from the records; `keras_senet.weights.table()` prints
them, `weights="NAME"` loads one. Image, crop and interpolation are those of the evaluation whose
published accuracy on ImageNet (in percent) is stated; none was measured with this package. The
rows `keras/...` are networks without SE (MobileNetV3: with its own): their accuracy is that of
the network that an SE network starts from.

A revision `main` means that no full commit is known, and a dash that no checksum is: files of the
hub are compared with the sha256 that the hub states for them, others are taken as they come.

| weights | network | image | crop | interpolation | top-1 | top-5 | licence | revision | checksum |
|---|---|---|---|---|---|---|---|---|---|
"""


def page():
    """The whole text."""
    lines = []
    for record in RECORDS:
        view = record.preprocessing
        accuracy = ["-" if x is None else f"{x:g}" for x in (record.top1, record.top5)]
        revision = record.revision[:8] if record.repository else "-"
        algorithm, _, digits = (record.checksum or "-").partition(":")
        lines.append(
            f"| [`{record.name}`]({record.source}) "
            f"| {', '.join(f'`{x}`' for x in (record.network, *record.also))} "
            f"| {record.input_size} | {crop_text(view)} | {view.interpolation} | {accuracy[0]} "
            f"| {accuracy[1]} | {record.licence} | {revision} | {algorithm} {digits[:8]} |"
        )
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
