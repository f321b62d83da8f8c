"""A folder of images: one folder for each class."""

import logging
import os
import pathlib
import warnings

import numpy as np

from keras_senet.data.dataset import Dataset
from keras_senet.data.image_files import Folder, LeftOut, listed
from keras_senet.data.photos import are_small, treatment
from keras_senet.data.roles import find_splits, refuse_misread, role
from keras_senet.data.split import Split

logger = logging.getLogger("keras_senet")

HELD_OUT = 5  # every fifth image of each class, where the folder has no split of its own
SUFFIXES = ".jpg, .png, .webp, .tif or another suffix of an image that Pillow reads"


def load_folder(
    path: str | os.PathLike, image_size: int, max_bad_images: int | None = None
) -> Dataset:
    """The images under `path/CLASS/`, or under `path/SPLIT/CLASS/`.

    Splits are `train` (or `training`), `validation` (`val`, `valid`, `dev`, `eval`) and `test`
    (`testing`) in any case, also as `train_images` or `TestSet`. Validation is held out, else test;
    where there are both, `Dataset.test` has the latter. Of classes without splits, and of a
    `train` that is alone, every fifth file of each class in sorted order (the first, the sixth,
    ...) is held out. A folder that holds images is a class, whatever its name.

    Classes are the folders in sorted order. The images of a class are the files with the suffix of
    an image at any depth within its folder. Hidden files and folders and those of operating systems
    are ignored; links to folders are followed once. A warning counts all that is left out.

    Images of at most 64 pixels a side are seen whole, and augmented by `CIFAR` in place of `PHOTO`.

    Args:
        path: The folder; `~` is the home folder.
        image_size: Height and width of the images delivered, in pixels.
        max_bad_images: See `Dataset`.

    Raises:
        ValueError: If the folder is missing, has fewer than two classes or an empty one, if the
            classes of two splits differ, if it cannot be known what are splits and what are
            classes, or if a name is not UTF-8.
        OSError: If a folder within cannot be read.
    """
    root = _root(path)
    splits = find_splits(root)
    left_out = LeftOut()
    if splits:
        left_out.add(root.left_out)
        left_out.outside += root.files
        left_out.empty += [f.path for f in root.folders if f not in splits.values()]
    classes = {kind: _classes(folder, left_out) for kind, folder in (splits or {"": root}).items()}
    names, files = classes["training" if splits else ""]
    _check_same_classes(splits, classes)
    if "held_out" not in splits:
        divided = splits.get("training", root)
        parts = _every_fifth(divided, files)
        _say_every_fifth(root, divided, parts)
    else:
        parts = {kind: of_kind for kind, (_, of_kind) in classes.items()}
    if str(left_out):
        warnings.warn(f"Left out of {root}: {left_out}.", stacklevel=3)
    splits = {kind: _split(files) for kind, files in parts.items()}
    augmentation, view = treatment(are_small(splits["training"].items), image_size)
    return Dataset(
        name=f"folder:{root}",
        source=f"folder:{os.path.abspath(root.path)}",
        class_names=names,
        image_size=image_size,
        augmentation=augmentation,
        max_bad_images=max_bad_images,
        view=view,
        training=splits["training"],
        held_out=splits["held_out"],
        test=splits.get("test"),
    )


def _root(path):
    root = os.path.expanduser(pathlib.Path(path))
    if not os.path.isdir(root):
        found = "It is a file: unpack it first." if os.path.lexists(root) else ""
        raise ValueError(
            f"No folder at {root}. Expected a folder with one folder per class. {found}"
        )
    return Folder(root)


def _classes(folder, left_out):
    """Names of the classes in a folder, and for each the paths of its images."""
    broken = [path for path in folder.left_out.broken if not os.path.splitext(path)[1]]
    if broken:
        raise ValueError(f"Links to folders of classes lead nowhere: {listed(broken)}.")
    if len(folder.folders) < 2:
        raise ValueError(
            f"{folder} has {len(folder.folders)} folders. Expected one for each class, at least "
            f"two.{_other_level(folder)}"
        )
    refuse_misread(folder)
    names = tuple(one.name for one in folder.folders)
    if len(set(names)) < len(names):
        twice = sorted(name for name in set(names) if names.count(name) > 1)
        raise ValueError(f"{folder} has folders whose names are the same text: {listed(twice)}.")
    seen = {}
    left_out.add(folder.left_out)
    left_out.outside += folder.files
    for one in folder.folders:
        if not one.images:
            found = str(one.left_out_within) or "nothing"
            raise ValueError(
                f"{one} has no images. Expected files ending in {SUFFIXES}. Received: {found}."
            )
        for identity in one.identities:
            other = seen.setdefault(identity, one)
            if other is not one:
                raise ValueError(
                    f"{other} and {one} hold the same folder by links. Its images would have two "
                    "classes."
                )
        left_out.add(one.left_out_within)
    if all(one.is_nested for one in folder.folders):
        examples = [f"{one.name}/{one.folders[0].name}" for one in folder.folders if one.folders]
        warnings.warn(
            f"No class of {folder} holds images itself. The folders within ({listed(examples)}) "
            f"are taken together as the classes {listed(names)}.",
            stacklevel=4,
        )
    return names, [one.images for one in folder.folders]


def _other_level(folder):
    """A sentence that says where the classes seem to be."""
    if folder.files:
        above = os.path.dirname(os.path.abspath(folder.path))
        return (
            f" It holds {len(folder.files)} images itself: give the folder above, {above}, or sort "
            "them into folders of classes."
        )
    deeper = [one for one in folder.folders if len(one.folders) > 1]
    return f" Did you mean folder:{deeper[0]}?" if deeper else ""


def _check_same_classes(splits, classes):
    first = splits.get("training")
    for kind, folder in splits.items():
        different = sorted({*classes[kind][0]} ^ {*classes["training"][0]})
        if different:
            rest = f" and {len(different) - 10} more" if len(different) > 10 else ""
            raise ValueError(
                f"{first} and {folder} must have the same classes. Only in one of them: "
                f"{different[:10]}{rest}"
            )
        if folder is not first and folder.identity == first.identity:
            warnings.warn(
                f"{first} and {folder} are the same folder: it is evaluated on training images.",
                stacklevel=4,
            )


def _every_fifth(folder, files):
    for name, images in zip((one.name for one in folder.folders), files, strict=True):
        if len(images) < 2:
            raise ValueError(
                f"{folder}/{name} has one image, of which every fifth is held out. Expected at "
                "least two in each class, or folders train and validation."
            )
    return {
        "training": [[f for i, f in enumerate(names) if i % HELD_OUT] for names in files],
        "held_out": [names[::HELD_OUT] for names in files],
    }


def _say_every_fifth(root, divided, parts):
    """Warns of it where a name says that the whole is a split, else informs of it."""
    held_out, training = (sum(map(len, parts[kind])) for kind in ("held_out", "training"))
    said = (
        f"every fifth image of each class is held out and judged: {held_out} of "
        f"{held_out + training}"
    )
    if divided is not root:
        warnings.warn(f"{root} has {divided.name} alone: {said}.", stacklevel=4)
    elif role(root.name):
        above = os.path.dirname(os.path.abspath(root.path))
        warnings.warn(
            f"{root} has classes and no splits: {said}. If {root.name} is a split itself, give the "
            f"folder above: folder:{above}",
            stacklevel=4,
        )
    else:
        logger.info("%s has no splits: %s.", root, said)


def _split(files):
    names = [name for of_class in files for name in of_class]
    labels = np.repeat(np.arange(len(files), dtype="int32"), [len(of_class) for of_class in files])
    return Split(np.array(names), labels)
