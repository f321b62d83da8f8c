"""Arguments of a data set: converted to one form where nothing is lost, else refused."""

import collections
import operator
import os
import pathlib

import keras
import numpy as np

from keras_senet.data.arrays import as_array
from keras_senet.data.multi_label import check_columns

ENDLESS = -1  # tf.data.INFINITE_CARDINALITY
FEW = 3  # images that may be black, all of them
PATH = 4096  # bytes: no path is longer on Linux
EXACT = {"bfloat16": 256, "float16": 2048}  # whole numbers above are rounded to others


def as_items(items):
    """Converts images to paths `(N,)` or pixels `(N, H, W, 3)` uint8; see `Split`."""
    array = as_array(items, "images")
    if array.ndim == 2 and array.shape[1] == 1 and array.dtype.kind in "USO":
        array = array[:, 0]
    if array.ndim == 1 and (array.dtype.kind in "US" or not len(array) or array.dtype.kind == "O"):
        return _paths(array)
    return _rgb(_bytes(array))


def as_labels(labels):
    """Converts labels to class indices `(N,)` int32, and says of how many classes, if it is known.

    Args:
        labels: See `Split`.

    Returns:
        The indices, and the K of one-hot labels `(N, K)`, else `None`.
    """
    array, classes = as_array(labels, "labels"), None
    if array.dtype.kind not in "iufb":
        is_text = array.dtype.kind in "US"
        names = " With names of classes: [class_names.index(name) for name in ...]"
        raise ValueError(
            "Expected labels that are numbers of classes, from 0. Received: "
            f"{_shown(array)}.{names if is_text else ' Convert them to integers.'}"
        )
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array % 1 == 0).all()):
        raise ValueError(
            "Expected labels that are whole numbers. Received: "
            f"{_shown(array)} with others, which could be shares of classes."
        )
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    elif array.ndim == 2:
        if not (np.isin(array, (0, 1)).all() and (array.sum(1) == 1).all()):
            raise ValueError(
                f"Expected labels (N,), or one-hot (N, K). Received: {_shown(array)}, whose rows "
                "are not one 1 among zeros. Any number of labels an image: "
                "Split(items, labels, multi_label=True)"
            )
        array, classes = array.argmax(1), array.shape[1]
    if array.ndim != 1:
        raise ValueError(f"Expected labels (N,), a number for each. Received: {_shown(array)}")
    greatest, limit = int(abs(array).max(initial=0)), np.iinfo("int32").max
    if greatest > limit:
        raise ValueError(f"Expected labels of 32 bits. Received: up to {greatest}")
    kind = str(getattr(labels, "dtype", ""))
    exact = next((most for name, most in EXACT.items() if name in kind), limit)
    if greatest > exact:
        raise ValueError(
            f"Expected labels in a type that holds them exactly. Received: up to {greatest} in "
            f"{kind}, which rounds numbers above {exact}."
        )
    return array.astype("int32", copy=False), classes


def is_endless(data):
    """Whether batches are known to have no end: those of `tf.data` and of Keras' `PyDataset`."""
    if isinstance(data, keras.utils.PyDataset):
        return data.num_batches is None
    cardinality = getattr(data, "cardinality", None)
    return callable(cardinality) and bool(cardinality() == ENDLESS)


def as_class_names(names, least=2):
    """A tuple of so many names or more, all different."""
    if isinstance(names, str) or not hasattr(names, "__iter__"):
        raise ValueError(
            f"Field `class_names` must be a tuple of names, such as ('cat', 'dog'). Received: "
            f"{str(names)[:60]!r}"
        )
    names = tuple(names)
    others = [name for name in names if not isinstance(name, str)]
    if others:
        raise ValueError(
            f"Field `class_names` must hold texts. Received: {others[0]!r:.60} of type "
            f"{type(others[0]).__name__}"
        )
    if len(names) < least:
        what = "two classes" if least == 2 else "one label"
        raise ValueError(f"Expected at least {what}. Received: class_names={names}")
    twice = [name for name, count in collections.Counter(names).items() if count > 1]
    if twice:
        raise ValueError(
            f"Field `class_names` must hold each name once. Received: {twice[:5]} twice"
        )
    return tuple(map(str, names))


def as_image_size(size):
    """A whole number of pixels."""
    return as_count(size, "image_size", what="a whole number of pixels, of height and width alike,")


def as_count(number, argument, *, least=1, what="a whole number"):
    """An int of at least `least`; a ValueError that names the argument otherwise."""
    try:
        whole = None if isinstance(number, (bool, np.bool_)) else operator.index(number)
    except TypeError:
        whole = None
    if whole is None or whole < least:
        raise ValueError(
            f"Argument `{argument}` must be {what} from {least}. Received: {str(number)[:60]!r}"
        )
    return whole


def check_splits(dataset):
    """Raises a ValueError if the splits of a data set do not fit it, or not one another."""
    for what, split in dataset.splits.items():
        check_split(split, what, dataset.name, dataset.image_size)
        if split.multi_label != dataset.multi_label:
            raise ValueError(
                f"Of {dataset.name} some splits have one class an image, others any number of "
                f"labels. Expected all alike: give the {what} labels as those of training, "
                "Split(..., multi_label=True) for all or none."
            )
        if "labels" in vars(split):  # labels of record files are read when first needed
            check_labels(split, what, dataset.name, len(dataset.class_names))


def check_split(split, what, name, image_size):
    """Raises a ValueError if a split is no `Split`, is empty, or has pixels of another size."""
    if not hasattr(split, "holds_pixels"):
        raise ValueError(
            f"The {what} images of {name} must be a Split(items, labels). Received: "
            f"{type(split).__name__}"
        )
    if not len(split):
        raise ValueError(f"{name} has no {what} images.")
    if split.holds_pixels and split.items.shape[1:3] != (image_size, image_size):
        height, width = split.items.shape[1:3]
        raise ValueError(
            f"The {what} images of {name} have {height}x{width} pixels. Expected image_size="
            f"{image_size}, {image_size}x{image_size}: resize them, or change `image_size`."
        )


def check_labels(split, what, name, classes):
    """Raises a ValueError if a label has no class, or one-hot labels are of other classes."""
    if split.multi_label:
        check_columns(split, what, name, classes)
        return
    columns = getattr(split, "classes", None)
    if columns not in (None, classes):
        raise ValueError(
            f"{name} has {classes} class names. Its {what} labels are one-hot with {columns} "
            "columns. Expected a column for each class."
        )
    least, greatest = split.labels.min(), split.labels.max()
    if least < 0 or greatest >= classes:
        raise ValueError(
            f"The {classes} classes of {name} need labels from 0 to {classes - 1}. Its {what} "
            f"images have labels from {least} to {greatest}."
        )


def _paths(array):
    paths = array.tolist()
    others = [one for one in paths if not isinstance(one, (str, bytes, pathlib.PurePath))]
    if others:
        raise ValueError(
            "Expected images as paths, or as pixels (N, H, W, 3) of one size. Received: "
            f"{_shown(array)}"
        )
    paths = [os.fsdecode(one) for one in paths]
    joined = "".join(paths)
    if "\0" in joined or max(map(len, paths), default=0) > PATH:
        index = next(i for i, path in enumerate(paths) if "\0" in path or len(path) > PATH)
        raise ValueError(
            f"Expected paths of image files. Received: item {index} is no path, but {array.dtype} "
            f"of length {len(paths[index])}. The bytes of a file: write them to one, or decode "
            "them by data.read_rgb."
        )
    try:
        joined.encode("utf-8")
    except UnicodeEncodeError as error:
        wrong = next(path for path in paths if not _is_utf8(path))
        raise ValueError(
            f"Expected paths in UTF-8. Received: {os.fsencode(wrong)!r:.200}. Rename it."
        ) from error
    return array if array.dtype.kind == "U" else np.array(paths, "str")


def _is_utf8(path):
    return os.fsencode(path) == path.encode("utf-8", "replace")


def _bytes(array):
    """Pixels as uint8, if they are whole numbers of 0..255."""
    is_done = array.dtype == "uint8"
    if not array.size or (is_done and not _is_dark(array)):
        return array.astype("uint8", copy=False)
    wanted = "Expected pixels of 0..255, uint8."
    if array.dtype.kind not in "iuf":
        remedy = ". If True is white: 255 * x.astype('uint8')" if array.dtype == bool else ""
        raise ValueError(f"{wanted} Received: {_shown(array)}{remedy}")
    least, greatest = array.min(), array.max()
    if not np.isfinite([least, greatest]).all():
        raise ValueError(f"{wanted} Received: {_shown(array)} with NaN or infinity")
    received = f"Received: {_shown(array)} of {least:.6g} to {greatest:.6g}"
    if greatest <= 1:
        lost = " If they were divided by 255: leave that out." if is_done else ""
        raise ValueError(
            f"{wanted} {received}. If 1 is white: np.rint(255 * x).astype('uint8').{lost}"
        )
    if least < 0 or greatest > 255:
        raise ValueError(f"{wanted} {received}")
    pixels = array.astype("uint8")
    if array.dtype.kind == "f" and (pixels != array).any():
        raise ValueError(
            f"{wanted} {received} with fractions. If 255 is white: np.rint(x).astype('uint8')"
        )
    return pixels


def _is_dark(images):
    """Whether more than a few images have no pixel above 1; ends at the first that has one."""
    return images.ndim > 1 and len(images) > FEW and all(image.max() <= 1 for image in images)


def _rgb(array):
    """RGB pixels `(N, H, W, 3)` from RGB or grey ones."""
    shape = array.shape
    if len(shape) == 3 and shape[-1] not in (1, 3, 4):  # otherwise it looks like one image
        array = array[..., None]
    if array.ndim != 4 or array.shape[-1] not in (1, 3):
        hint = ""
        if len(shape) == 4 and shape[1] in (1, 3):
            hint = ". With the channels first: x.transpose(0, 2, 3, 1)"
        elif len(shape) == 4 and shape[-1] == 4:
            hint = ". Without transparency: x[..., :3]"
        raise ValueError(
            "Expected paths (N,), or pixels (N, H, W, 3), (N, H, W, 1) or (N, H, W). Received: "
            f"shape {shape}{hint}"
        )
    return np.repeat(array, 3, axis=-1) if array.shape[-1] == 1 else array


def _shown(array):
    shown = f"{array.dtype} of shape {array.shape}"
    known = (str, bytes, pathlib.PurePath, int, float)
    others = [one for one in array.ravel()[:1000] if not isinstance(one, known)]
    return f"{shown} with {type(others[0]).__name__}" if array.dtype == object and others else shown
