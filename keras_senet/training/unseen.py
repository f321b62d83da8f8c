"""Whether images to judge a run by are images that it learned from."""

import json
import logging
import pathlib

from keras_senet.data import Dataset, Split
from keras_senet.data.copies import LOOKED_AT, copies
from keras_senet.data.image_files import listed
from keras_senet.training.identity import IMAGES, images_of, read_images

logger = logging.getLogger("keras_senet")


def check_unseen(workdir: pathlib.Path, dataset: Dataset, split: str) -> None:
    """Raises a ValueError if a run learned from images of a split of its own data.

    Other files, or another division, move images from one split to the other: their accuracy would
    say little. Of data that lie elsewhere, files of the same names are the run's own, moved, or
    others by chance: they are a warning.

    Args:
        workdir: Folder of the run. One without its files says nothing, and nothing is checked.
        dataset: A `keras_senet.data.Dataset` as `load` made it.
        split: `"held_out"` or `"test"`.

    Raises:
        ValueError: If some of its images were learned from.

    Example:
        >>> digits = keras_senet.data.load("digits")
        >>> check_unseen(pathlib.Path("runs/digits"), digits, "held_out")
    """
    try:
        run = json.loads((workdir / "summary.json").read_text())
    except (OSError, ValueError):
        return
    is_own = run.get("source") is not None and run["source"] == dataset.source
    if is_own and split == "held_out" and run.get("division") != dataset.division:
        raise ValueError(
            f"The run in {workdir} learned from images that {_words(dataset.division)} would hold "
            f"out: its own data were divided by {_words(run.get('division'))}. Leave --fold and "
            "--hold_out to the run, or give other data by --data."
        )
    if dataset.training.holds_pixels:
        return  # their names are numbers; the sources of pixels do not change
    learned = {name for what, name, _ in read_images(workdir) or () if what == "training"}
    judged = [name for what, name, _ in images_of(dataset) if what == split.replace("_", "-")]
    both = [name for name in judged if name in learned]
    if both and is_own:
        raise ValueError(
            f"The run in {workdir} learned from {len(both)} of the {len(judged)} images to judge "
            f"it by: {listed(both)}. Files were added, renamed or removed since. Restore them, as "
            f"listed in {workdir / IMAGES}, or give other data by --data."
        )
    if both:
        logger.warning(
            "%d of the %d images to judge the run in %s by have names of images that it learned "
            "from: %s. If they are the same images, the accuracy says little.",
            len(both),
            len(judged),
            workdir,
            listed(both),
        )


def warn_of_copies(dataset: Dataset) -> None:
    """Warns of images to judge by that are training images too, as far as `copies` finds them."""
    if not isinstance(dataset.training, Split):
        return  # records are those of published data sets
    for what, split in (("held-out", dataset.held_out), ("test", dataset.test)):
        if not isinstance(split, Split):
            continue
        found = copies(dataset.training, split)
        if not found:
            continue
        judged, learned = next(iter(found.items()))
        if split.holds_pixels:
            example = f"number {judged} (of the training images {learned})"
        else:
            example = f"{split.name(judged)} ({dataset.training.name(learned)})"
        logger.warning(
            "%d of %d %s images of %s that were looked at are training images too, byte for byte, "
            "such as %s. Their accuracy says nothing of images that were not learned.",
            len(found),
            min(len(split), LOOKED_AT),
            what,
            dataset.name,
            example,
        )


def _words(division):
    return "the source itself" if division is None else repr(division)
