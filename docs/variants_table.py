"""Fills `<!-- variants -->` in a page with one row for each public architecture."""

import re
from pathlib import Path

MARK = "<!-- variants -->"
FILES = ("resnet.py", "resnet_cifar.py")
SOURCES = Path(__file__).parents[1] / "keras_senet" / "architectures"


def on_page_markdown(markdown, **_):
    """Called by MkDocs with the text of each page."""
    return markdown.replace(MARK, _table()) if MARK in markdown else markdown


def _table():
    # Importing the package would cost the docs a Keras backend; it is imported for this page only.
    import keras_senet
    from keras_senet.architectures import Architecture

    values = {
        name: value
        for name in keras_senet.__all__
        if isinstance(value := getattr(keras_senet, name), Architecture)
    }
    lines = ["| value | SE | family | depths | image | classes |", "|---|---|---|---|---|---|"]
    for name in sorted(values, key=_natural):
        value = values[name]
        lines.append(
            f"| `{name}` | {'yes' if value.se else '-'} | `{type(value).__name__}` "
            f"| {', '.join(map(str, value.depths))} | {value.input_size} | {value.classes} |"
        )
    return "\n".join(lines)


def _natural(name):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
