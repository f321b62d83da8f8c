"""What a data set prints: its classes, and how many images each split has of them."""

import numpy as np

from keras_senet.data.image_files import readable

SHOWN = 20  # classes


def of(dataset):
    """The lines of a `Dataset`, as far as known without reading files."""
    splits = {what: split for what, split in dataset.splits.items() if "labels" in vars(split)}
    counts = ", ".join(f"{len(split)} {what}" for what, split in dataset.splits.items())
    size, classes = dataset.image_size, len(dataset.class_names)
    what = f"label{'s' * (classes > 1)}, any number an image" if dataset.multi_label else "classes"
    lines = [f"{dataset.name}: {classes} {what}, {counts} images of {size}x{size} pixels"]
    images = [_images(split, classes) for split in splits.values()]
    names = [readable(name) for name in dataset.class_names[:SHOWN]]
    width = max(map(len, names))
    if splits:
        lines.append("  ".join([" " * (width + 2), *splits]))
    for index, name in enumerate(names if splits else ()):
        columns = (f"{n[index]:{len(what)}}" for what, n in zip(splits, images, strict=True))
        lines.append("  ".join([f"  {name:{width}}", *columns]))
    if splits and classes > SHOWN:
        lines.append(
            f"  and {classes - SHOWN} more {'labels' if dataset.multi_label else 'classes'}"
        )
    return "\n".join(lines)


def _images(split, classes):
    """How many images each class has, or each label."""
    return (
        split.labels.sum(0) if split.multi_label else np.bincount(split.labels, minlength=classes)
    )
