"""Images held out anew: every one in exactly one fold, and of every class its share."""

import numpy as np
import pytest

from keras_senet import data

NAMES = ("ant", "bee", "cat")
COUNTS = (20, 11, 7)


def of_paths(names=()):
    """A data set of paths in mixed order, of which some are held out already."""
    labels = np.repeat(np.arange(3), COUNTS)
    paths = np.array([f"{NAMES[k]}/{n:02}.jpg" for n, k in enumerate(labels)])
    mixed = np.random.default_rng(0).permutation(len(labels))
    training, held_out = mixed[:30], mixed[30:]
    splits = (data.Split(paths[part], labels[part]) for part in (training, held_out))
    return data.Dataset("paths", NAMES, 16, *splits), paths, labels


@pytest.mark.parametrize("count", [2, 3, 5, 7])
def test_every_image_is_in_one_fold(count):
    dataset, paths, _ = of_paths()
    held = []
    for number in range(1, count + 1):
        one = data.fold(dataset, number, count)
        held += [*one.held_out.items]
        together = {*one.held_out.items, *one.training.items}
        assert together == {*paths} and len(one.training) + len(one.held_out) == len(paths)
        for label, total in enumerate(COUNTS):
            assert np.sum(one.held_out.labels == label) in (total // count, -(-total // count))
        for split in one.splits.values():  # labels go with their images
            assert [NAMES[k] for k in split.labels] == [path[:3] for path in split.items]
    assert sorted(held) == sorted(paths)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3, 0.5, 0.9])
def test_a_share_of_each_class_is_held_out(share):
    dataset, *_ = of_paths()
    if share == 0.9:  # of 7 images all would be
        with pytest.raises(ValueError, match="'cat' of paths has 7 images, of which 7"):
            data.hold_out(dataset, share)
        return
    held = data.hold_out(dataset, share).held_out
    for label, total in enumerate(COUNTS):
        assert np.sum(held.labels == label) == np.ceil(round(share * total, 9))


def test_a_fifth_is_the_folders_own_division(tmp_path):
    from PIL import Image

    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(11):
            Image.new("RGB", (8, 8)).save(tmp_path / name / f"{number:02}.png")
    own = data.load(f"folder:{tmp_path}", image_size=8)
    for anew in (data.hold_out(own, 0.2), data.fold(own, 1, 5)):
        for first, second in zip(own.splits.values(), anew.splits.values(), strict=True):
            assert sorted(first.items) == sorted(second.items)


def test_pixels_are_divided_too():
    digits = data.load("digits", image_size=8)
    folds = [data.fold(digits, number, 3) for number in (1, 2, 3)]
    found = np.concatenate([one.held_out.items for one in folds])
    whole = np.concatenate([digits.training.items, digits.held_out.items])
    assert sorted(x.tobytes() for x in found) == sorted(x.tobytes() for x in whole)


@pytest.mark.parametrize("share", [1 / 6, 2 / 3, 1 / 15, np.float32(0.3), 0.1 + 0.2])
def test_a_division_is_found_again_by_its_words(share):
    digits = data.load("digits", image_size=8)
    first = data.hold_out(digits, share)
    again = data.load("digits", image_size=8, division=first.division)
    np.testing.assert_array_equal(first.held_out.items, again.held_out.items)


def test_what_cannot_be_divided():
    dataset, *_ = of_paths()
    for wrong in (0, 1, -0.2, float("nan"), True):
        with pytest.raises(ValueError, match=r"`hold_out` takes .* between 0 and 1"):
            data.hold_out(dataset, wrong)
    for number, count in ((0, 5), (6, 5), (1, 1), (1.5, 5)):
        with pytest.raises(ValueError, match="from"):
            data.fold(dataset, number, count)
    with pytest.raises(ValueError, match="more than once"):
        data.fold(dataset.replace(held_out=dataset.training), 1, 5)
    with pytest.raises(ValueError, match="'cat' of paths has 7 images"):
        data.fold(dataset, 8, 8)
