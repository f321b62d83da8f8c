"""How results are written: aligned text, csv, and files that appear whole or not at all."""

import contextlib
import csv
import os
import pathlib


@contextlib.contextmanager
def replacing(path):
    """Yields a temporary name beside `path`, which becomes `path` if the block ends well.

    Args:
        path: The file to write or replace; its folder must exist.
    """
    path = pathlib.Path(path)
    # The suffix stays: numpy and matplotlib choose the format by it.
    partial = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_csv(path, rows):
    """Writes dictionaries of the same keys, one a line."""
    with replacing(path) as partial, partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def aligned(rows):
    """Rows of cells as text: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
