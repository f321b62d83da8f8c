"""The roles of folders: which are splits and which are classes, by their names and contents."""

import re

from keras_senet.data.image_files import listed

ROLES = {
    "training": ("train", "training", "trn"),
    "held_out": ("val", "valid", "validation", "dev", "eval", "evaluation"),
    "test": ("test", "testing", "tst"),
}
EXPECTED = "train, validation and, if wanted, test, with one folder for each class in each"
_THINGS = "images?|imgs?|data|dataset"  # as in train_images
_NAMES = {
    role: re.compile(f"(?:{_THINGS})?(?:{'|'.join(words)})(?:{_THINGS}|set|split)?")
    for role, words in ROLES.items()
}
# Words of splits that could be for training or for evaluation.
_UNCLEAR = {"fold", "folds", "kfold", "split", "splits", "partition", "subset", "holdout"}
_UNCLEAR |= {"heldout", "held", "hold", "unlabeled", "unlabelled", "pred", "predict"}
_WORDS = _UNCLEAR.union(*ROLES.values())
# Folders of images and of their masks, which are images too.
LABELLED = {
    "annotations", "gt", "image", "images", "img", "imgs", "label", "labels", "mask", "masks",
}  # fmt: skip
PARTS = (
    "batch", "burst", "cam", "camera", "chunk", "clip", "day", "disc", "disk", "folder", "part",
    "scene", "seq", "sequence", "session", "set", "shard", "video", "vol", "volume",
)  # fmt: skip


def role(name):
    """`"training"`, `"held_out"` or `"test"`, or `None` for a name that is none of these."""
    joined = "".join(_words(name))
    return next((role for role, names in _NAMES.items() if names.fullmatch(joined)), None)


def looks_like_split(name):
    """Whether a name has a word of splits in it, understood or not."""
    return role(name) is not None or not _WORDS.isdisjoint(_words(name))


def find_splits(root):
    """The splits of a folder.

    A split holds folders of classes, a class holds images: a folder `train` that holds images is
    a class, which shows trains.

    Args:
        root: A `Folder`.

    Returns:
        `Folder`s under `"training"`, `"held_out"` and `"test"`, the first always; `{}` if the
        folders are classes.

    Raises:
        ValueError: If names and contents contradict one another.
    """
    named = [folder for folder in root.folders if role(folder.name)]
    splits = [folder for folder in named if folder.is_nested]
    if not splits:
        _refuse_flat_splits(root, named)
        return {}
    found = {}
    for folder in root.folders:
        kind = role(folder.name)
        if kind is None and folder.images:
            raise ValueError(
                f"{root} has {listed(f.name for f in splits)}, which look like splits since they "
                f"hold folders, and {folder.name}, which is none that is understood. Expected "
                f"{EXPECTED}; or classes alone, with images directly in {splits[0].name}."
            )
        if kind in found:
            raise ValueError(
                f"{found[kind]} and {folder} both look like the {_said(kind)} split. Expected one: "
                "rename or move the other."
            )
        if kind is not None:
            found[kind] = folder
    for kind, folder in found.items():
        if not folder.is_nested:
            state = f"{len(folder.files)} images of no class in it" if folder.files else "no images"
            raise ValueError(
                f"{folder} looks like the {_said(kind)} split beside "
                f"{listed(f.name for f in splits)}, but has {state}. Expected folders of classes "
                f"in it, such as {folder}/CLASS; or move it out of {root}."
            )
    if "training" not in found:
        raise ValueError(
            f"{root} has {listed(f.name for f in splits)}, which look like splits, but no train. "
            f"Expected {EXPECTED}."
        )
    return held_out_or_test(found)


def roles_of(names):
    """The names of splits under `"training"`, `"held_out"` and `"test"`, as far as there are such.

    Of several names of one role the usual one is taken (`test` beside `test2015`).

    Raises:
        ValueError: If several names have one role, and none of them is the usual one.
    """
    found = {}
    for name in names:
        if kind := role(name):
            found.setdefault(kind, []).append(name)
    for kind, candidates in found.items():
        usual = [word for word in ROLES[kind] if word in candidates]
        if len(candidates) > 1 and len(usual) != 1:
            raise ValueError(
                f"{listed(candidates)} all look like the {_said(kind)} split. Expected one."
            )
        found[kind] = (usual or candidates)[0]
    return held_out_or_test(found)


def held_out_or_test(found):
    """The same splits; a test split is held out where no other is."""
    if "held_out" not in found and "test" in found:
        found["held_out"] = found.pop("test")
    return found


def refuse_misread(folder):
    """Raises a ValueError if the folders in a folder look like splits or like one level too deep.

    Args:
        folder: A `Folder` whose folders are to be classes.
    """
    inner = {f.name: {i.name for i in f.folders if i.images} for f in folder.folders if f.is_nested}
    unclear = [name for name in inner if looks_like_split(name)]
    if len(unclear) > 1:
        raise ValueError(
            f"{folder} has {listed(unclear)}, which look like splits and hold folders, but are not "
            f"understood. Expected {EXPECTED}."
        )
    names = {f.name for f in folder.folders}
    shown = {f.name.casefold() for f in folder.folders if f.images}
    if len(shown) > 1 and shown <= LABELLED:
        raise ValueError(
            f"{folder} has {listed(sorted(shown))}, which look like images and what is in them, as "
            "for segmentation or detection. Expected a folder for each class."
        )
    for name, within in inner.items():
        if len({role(one) for one in within} - {None}) > 1:
            raise ValueError(
                f"{folder}/{name} has the splits {listed(sorted(within))}. Expected them above the "
                f"classes: {EXPECTED}. Or give one such folder: folder:{folder}/{name}"
            )
        common = within & (names - {name})
        if common and (len(common) > 1 or common == within):
            raise ValueError(
                f"{folder}/{name} has folders of the same names as its neighbours: "
                f"{listed(sorted(common))}. If {name} is a split, expected {EXPECTED}; if a class, "
                "expected images directly in it."
            )
    _refuse_same_folders(folder, inner)


def _refuse_same_folders(folder, inner):
    """Raises a ValueError for `site1/{cat,dog}`, `site2/{cat,dog}`: which level are the classes?"""
    if len(inner) < 2 or len(inner) < len(folder.folders):
        return
    first, *others = inner.values()
    if not all(map(_is_part, first)) and all(first == other for other in others):
        raise ValueError(
            f"Each of {listed(inner)} in {folder} holds the same folders, {listed(sorted(first))}. "
            f"If these are the classes, expected {EXPECTED}, or one such folder as "
            f"folder:{folder}/{next(iter(inner))}. If not, expected images directly in the folders "
            "of classes."
        )


def _refuse_flat_splits(root, named):
    """Raises a ValueError for splits with images and without classes, and for `trainA`, `testA`."""
    shown = [folder.name for folder in root.folders if folder.images]
    begun = [_split_in(name) for name in shown]
    if len(shown) > 2 and None not in begun and "training" in begun and len({*begun}) > 1:
        raise ValueError(
            f"{listed(shown)} in {root} look like splits and classes in one name. Expected "
            f"{EXPECTED}."
        )
    flat = [folder for folder in named if folder.files]
    roles = {role(folder.name) for folder in flat}
    alone = len(flat) == sum(bool(folder.images) for folder in root.folders)
    if len(flat) > 1 and (alone or ("training" in roles and len(roles) > 1)):
        raise ValueError(
            f"{listed(f.name for f in flat)} in {root} look like splits, but hold images "
            f"directly, so that these have no class. Expected {EXPECTED}: {flat[0]}/CLASS/."
        )


def _split_in(name):
    """The role that a name begins with, as `trainA` and `test_pos` do, or `None`."""
    words = re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z\d])", "_", name))
    return role(words[0]) if len(words) > 1 or (words and words[0] != name) else None


def _words(name):
    return re.findall(r"[^\W\d_]+", name.casefold())


def _is_part(name):
    """Whether a name numbers parts of a class: `batch1`, `session_02`. Digits alone may be classes.

    So may WordNet's `n01440764` and letters.
    """
    return re.fullmatch(rf"({'|'.join(PARTS)})[ _-]?\d+", name.casefold()) is not None


def _said(kind):
    return kind.replace("held_out", "validation")
