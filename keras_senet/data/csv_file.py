"""Images with any number of labels each, by a CSV file with a column for each label."""

import csv
import io
import logging
import os
import pathlib
import typing
import warnings

import numpy as np

from keras_senet.data.dataset import Dataset
from keras_senet.data.folder import HELD_OUT
from keras_senet.data.image_files import listed
from keras_senet.data.multi_label import check_presence, spread
from keras_senet.data.photos import are_small, treatment
from keras_senet.data.roles import role
from keras_senet.data.split import Split

logger = logging.getLogger("keras_senet")

IMAGE, SPLIT = "image", "split"  # columns that are no labels
EXPECTED = "Expected the columns image,NAME,NAME,..., with 0 or 1 for each label"


def load_csv(
    path: str | os.PathLike, image_size: int, max_bad_images: int | None = None
) -> Dataset:
    """Images that have any number of labels, or of one label whether they have it.

    The first line is `image,NAME,NAME,...`, a column for each label; a single one is the binary
    case. Every other line has the path of an image within the folder of the file, and 0 or 1 for
    each label. A column `split` may say `training`, `validation` or `test`, understood as the
    names of folders are in `load_folder`; validation is held out, else test. Without it every fifth
    image is held out, so that each label has its part.

    Args:
        path: The CSV file, in UTF-8, with commas; `~` is the home folder.
        image_size: Height and width of the images delivered, in pixels.
        max_bad_images: See `Dataset`.

    Returns:
        A `Dataset` whose labels are `(N, K)`, see `Dataset.multi_label`.

    Raises:
        ValueError: If the file is missing or no such table, which names the line; an image is
            missing, outside of the folder or there twice; or a label has no image in a split, or
            all of those to learn from have it.
    """
    path = os.path.expanduser(pathlib.Path(path))
    names, images, labels, kinds = _table(path)
    _divide(path, images, labels, kinds)
    augmentation, view = treatment(are_small(images[kinds == "training"]), image_size)
    splits: dict[str, typing.Any] = {
        kind: Split(images[kinds == kind], labels[kinds == kind], multi_label=True)
        for kind in np.unique(kinds).tolist()
    }
    dataset = Dataset(
        name=f"csv:{path}",
        source=f"csv:{os.path.abspath(path)}",
        class_names=names,
        image_size=image_size,
        augmentation=augmentation,
        max_bad_images=max_bad_images,
        view=view,
        **splits,
    )
    check_presence(dataset)
    return dataset


def _table(path):
    """Names of the labels; of all images, in the order of their paths, path, labels and split."""
    (number, header), *rows = _lines(path)
    place, names = _columns(header, f"{path}, line {number}")
    if not rows:
        raise ValueError(f"{path} has no image below its first line. {EXPECTED}.")
    _check_rows(path, rows, header, place)
    folder = os.path.dirname(os.path.abspath(path))
    images, kinds = np.array(_images(path, folder, rows)), _kinds(path, rows, place)
    text = "".join(cell for _, cells in rows for cell in _labels_of(cells, place))
    labels = (np.frombuffer(text.encode(), "uint8") - ord("0")).reshape(len(rows), len(names))
    order = np.argsort(images, kind="stable")
    return names, images[order], labels[order], kinds[order]


def _lines(path):
    """Pairs of a line's number and its cells; lines without any are left out."""
    if not os.path.isfile(path):
        what = "It is a folder." if os.path.isdir(path) else "It is not there."
        raise ValueError(f"No CSV file at {path}. {what} {EXPECTED}.")
    data = pathlib.Path(path).read_bytes()
    try:
        text = data.decode("utf-8-sig")  # spreadsheets put a mark before UTF-8
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path}, line {number}: not UTF-8, byte 0x{data[error.start]:02x}. Save the file as "
            "CSV in UTF-8."
        ) from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append((reader.line_num, cells))
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: no CSV: {error}.") from error
    if not lines:
        raise ValueError(f"{path} is empty. {EXPECTED}.")
    return lines


def _columns(header, where):
    """Place of the column `split`, or `None`, and the names of the labels."""
    cells = [cell.strip() for cell in header]
    if len(cells) == 1 and any(mark in cells[0] for mark in ";\t|"):
        raise ValueError(
            f"{where}: {cells[0]!r:.80} is separated by other signs than commas. {EXPECTED}, "
            "separated by commas."
        )
    if cells[0] != IMAGE:
        raise ValueError(f"{where}: the first column is {cells[0]!r:.80}. {EXPECTED}.")
    if "" in cells:
        raise ValueError(f"{where}: column {cells.index('') + 1} has no name. {EXPECTED}.")
    twice = sorted({cell for cell in cells if cells.count(cell) > 1})
    if twice:
        raise ValueError(f"{where}: columns with the same name: {listed(twice)}. {EXPECTED}.")
    names = tuple(cell for cell in cells[1:] if cell != SPLIT)
    if not names:
        raise ValueError(f"{where}: no column of a label. {EXPECTED}.")
    return cells.index(SPLIT) if SPLIT in cells else None, names


def _check_rows(path, rows, header, place):
    """Raises a ValueError at the first line that has other cells than the header promises."""
    for number, cells in rows:
        where = f"{path}, line {number}"
        if len(cells) != len(header):
            raise ValueError(
                f"{where}: {len(cells)} cells, in line 1 {len(header)}. Expected as many."
            )
        if not {*_labels_of(cells, place)} <= {"0", "1"}:
            column = next(
                index
                for index, cell in enumerate(cells)
                if index not in (0, place) and cell.strip() not in ("0", "1")
            )
            cell = cells[column].strip()
            raise ValueError(
                f"{where}: {repr(cell) if cell else 'nothing'} in column "
                f"{header[column].strip()!r}. Expected 0 or 1."
            )


def _labels_of(cells, place):
    return [cell.strip() for index, cell in enumerate(cells) if index not in (0, place)]


def _images(path, folder, rows):
    """Paths of the images, each of which is there, within the folder, and listed once."""
    found, missing = {}, []
    for number, (name, *_) in rows:
        where = f"{path}, line {number}"
        inner = os.path.normpath(name)
        if not name.strip() or os.path.isabs(inner) or inner.split(os.sep)[0] == os.pardir:
            raise ValueError(
                f"{where}: {name!r:.200} is no image within {folder}. Expected its path from that "
                "folder."
            )
        if inner in found:
            raise ValueError(
                f"{where}: {name!r:.200} stands in line {found[inner]} already. Expected each "
                "image once."
            )
        found[inner] = number
        if "\0" in inner or not os.path.isfile(os.path.join(folder, inner)):
            missing.append((where, name))
    if missing:
        where, name = missing[0]
        hint = " Write / between folders." if "\\" in name else ""
        raise ValueError(
            f"{where}: there is no file {name!r:.200} in {folder}. Missing in all: {len(missing)} "
            f"of {len(rows)}.{hint}"
        )
    return [os.path.join(folder, inner) for inner in found]


def _kinds(path, rows, place):
    """The split of each image, `(N,)` of the keys of `ROLES`, or `""` without the column."""
    if place is None:
        return np.full(len(rows), "", "U8")
    kinds = [role(cells[place]) for _, cells in rows]
    if None in kinds:
        number, cells = rows[kinds.index(None)]
        word = cells[place].strip()
        raise ValueError(
            f"{path}, line {number}: {repr(word) if word else 'nothing'} in column 'split'. "
            "Expected training, validation or test."
        )
    if "training" not in kinds:
        raise ValueError(f"{path} has no image whose split is training. Expected some.")
    return np.array(kinds, "U8")


def _divide(path, images, labels, kinds):
    """Holds out images where none are: those of the test, else every fifth."""
    if "held_out" in kinds:
        return
    if "test" in kinds:
        kinds[kinds == "test"] = "held_out"
        return
    had_splits = "training" in kinds
    kinds[:] = "training"
    kinds[spread(labels, images)[::HELD_OUT]] = "held_out"
    held_out = (kinds == "held_out").sum()
    said = f"every fifth image is held out and judged: {held_out} of {len(kinds)}"
    if had_splits:
        warnings.warn(f"{path} has training images alone: {said}.", stacklevel=4)
    else:
        logger.info("%s has no column 'split': %s.", path, said)
