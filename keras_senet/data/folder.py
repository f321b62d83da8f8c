"""A folder of images: one folder for each class."""

import pathlib

import numpy as np

from keras_senet.data.augmentation import PHOTO
from keras_senet.data.dataset import Dataset
from keras_senet.data.split import Split

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")
HELD_OUT = 5  # every fifth image of each class, where the folder has no split of its own


def load_folder(path, image_size, max_bad_images=None):
    """The images under `path/CLASS/`, or under `path/train/CLASS/` and `path/validation/CLASS/`.

    Classes are the folders in sorted order. Without a validation folder, every fifth file of each
    class in sorted order (the first, the sixth, ...) is held out.

    Args:
        path: The folder.
        image_size: Height and width of the images delivered, in pixels.
        max_bad_images: See `Dataset`.

    Raises:
        ValueError: If the folder is missing, has fewer than two classes or an empty one, or if
            the classes of the two splits differ.
    """
    root = pathlib.Path(path)
    if not root.is_dir():
        raise ValueError(f"No folder at {root}. Expected a folder with one folder per class.")
    has_splits = (root / "train").is_dir() and (root / "validation").is_dir()
    if has_splits:
        classes, training = _files(root / "train")
        held_classes, held_out = _files(root / "validation")
        if classes != held_classes:
            raise ValueError(
                f"{root}/train and {root}/validation must have the same classes. Only in one of "
                f"them: {sorted(set(classes) ^ set(held_classes))}"
            )
    else:
        classes, files = _files(root)
        for name, images in zip(classes, files, strict=True):
            if len(images) < 2:
                raise ValueError(
                    f"{root}/{name} has one image, of which every fifth is held out. Expected at "
                    "least two in each class, or folders train and validation."
                )
        training = [(f, c) for names in files for i, (f, c) in enumerate(names) if i % HELD_OUT]
        held_out = [(f, c) for names in files for i, (f, c) in enumerate(names) if not i % HELD_OUT]
        training, held_out = [training], [held_out]
    return Dataset(
        name=f"folder:{root}",
        class_names=classes,
        image_size=image_size,
        training=_split(training),
        held_out=_split(held_out),
        augmentation=PHOTO,
        max_bad_images=max_bad_images,
    )


def _files(root):
    """Names of the classes, and for each the pairs of file and class index."""
    folders = sorted(folder for folder in root.iterdir() if folder.is_dir())
    if len(folders) < 2:
        raise ValueError(
            f"{root} has {len(folders)} folders. Expected one for each class, at least two."
        )
    files = []
    for index, folder in enumerate(folders):
        names = sorted(f for f in folder.rglob("*") if f.suffix.lower() in SUFFIXES)
        if not names:
            raise ValueError(
                f"{folder} has no images. Expected files ending in {', '.join(SUFFIXES)}."
            )
        files.append([(str(name), index) for name in names])
    return tuple(folder.name for folder in folders), files


def _split(files):
    names, labels = zip(*(pair for pairs in files for pair in pairs), strict=True)
    return Split(np.array(names), np.array(labels, "int32"))
