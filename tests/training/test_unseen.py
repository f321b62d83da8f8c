"""A run is not judged by images that it learned from."""

import json

import pytest
from PIL import Image

import keras_senet
from keras_senet import data, training
from keras_senet.training.identity import identify


def photographs(folder, count=12):
    for name in ("ant", "bee"):
        (folder / name).mkdir(parents=True)
        for number in range(1, count + 1):
            Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / name / f"{number:02}.png")
    return f"folder:{folder}"


def run(workdir, dataset):
    """The files of a run that say what it learned from."""
    workdir.mkdir()
    identity = identify(keras_senet.SEResNet20, dataset, training.DIGITS, None, "float32", 0)
    identity.write_images(workdir)
    said = {name: identity.description["data"][name] for name in ("source", "division")}
    (workdir / "summary.json").write_text(json.dumps(said))
    return workdir


def test_the_same_files_and_those_of_others_are_judged(tmp_path, caplog):
    source = photographs(tmp_path / "photos")
    workdir = run(tmp_path / "run", data.load(source, image_size=8))
    training.check_unseen(workdir, data.load(source, image_size=8), "held_out")
    other = data.load(photographs(tmp_path / "others"), image_size=8)
    training.check_unseen(workdir, other, "held_out")
    training.check_unseen(tmp_path, other, "held_out")  # no run
    training.check_unseen(workdir, data.load("digits"), "held_out")
    assert not caplog.records


def test_names_that_were_learned_from_are_a_warning_elsewhere(tmp_path, caplog):
    source = photographs(tmp_path / "photos")
    workdir = run(tmp_path / "run", data.load(source, image_size=8))
    (tmp_path / "photos").rename(tmp_path / "moved")
    (tmp_path / "moved" / "bee" / "01.png").unlink()
    moved = data.load(f"folder:{tmp_path / 'moved'}", image_size=8)
    training.check_unseen(workdir, moved, "held_out")
    # Of "bee" 02, 07 and 12 are held out in place of 01, 06 and 11.
    assert "3 of the 6 images to judge the run" in caplog.text and "bee/07.png" in caplog.text


def test_a_new_file_moves_others_to_the_held_out(tmp_path):
    source = photographs(tmp_path / "photos")
    workdir = run(tmp_path / "run", data.load(source, image_size=8))
    Image.new("RGB", (8, 8)).save(tmp_path / "photos" / "ant" / "00.png")
    # Held out were every fifth, 01, 06 and 11; of "ant" these are now 00, 05 and 10.
    with pytest.raises(ValueError, match=r"learned from 2 of the 6 images.*ant/05.png, ant/10.png"):
        training.check_unseen(workdir, data.load(source, image_size=8), "held_out")


@pytest.mark.parametrize("source", ["digits", "folder"])
def test_another_division_holds_out_what_was_learned(source, tmp_path):
    source = photographs(tmp_path / "photos") if source == "folder" else source
    first, second = (
        data.load(source, image_size=8, division=f"fold {number}/3") for number in (1, 2)
    )
    workdir = run(tmp_path / "run", first)
    training.check_unseen(workdir, first, "held_out")
    for other in (second, data.load(source, image_size=8)):
        with pytest.raises(ValueError, match="own data were divided by 'fold 1/3'"):
            training.check_unseen(workdir, other, "held_out")


def test_a_test_split_is_compared_too(tmp_path):
    for split, number in (("train", 1), ("val", 2), ("test", 3)):
        for name in ("ant", "bee"):
            (tmp_path / "photos" / split / name).mkdir(parents=True)
            Image.new("RGB", (8, 8)).save(tmp_path / "photos" / split / name / f"{number}.png")
    source = f"folder:{tmp_path / 'photos'}"
    workdir = run(tmp_path / "run", data.load(source, image_size=8))
    for split in ("held_out", "test"):
        training.check_unseen(workdir, data.load(source, image_size=8), split)
