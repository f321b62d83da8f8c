"""Which runs go on: the same images under another root do, renamed ones do not."""

import json

import numpy as np
import pytest

import keras_senet
from keras_senet import training
from keras_senet.training.identity import identify

NETWORK = keras_senet.SEResNet20.replace(depths=(1, 1, 1))
RECIPE = training.DIGITS.replace(epochs=4, schedule="step", drops=(2,))


def folder(root, rename=None):
    """A data set of twelve tiny files in two classes, one of them renamed."""
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        for number in range(6):
            pixels = np.full((8, 8, 3), 20 * number, "uint8")
            keras_senet.data.decode._pillow().fromarray(pixels).save(root / name / f"{number}.png")
    if rename:
        (root / "cat" / "3.png").rename(root / "cat" / rename)
    return keras_senet.data.load(f"folder:{root}", image_size=16)


def identity(dataset, recipe=RECIPE, weights=None):
    return identify(NETWORK, dataset, recipe, weights, "float32", 0)


def check(before, now, workdir):
    before.write_images(workdir)
    now.check(before.description, workdir / "checkpoints")


def test_a_moved_folder_goes_on(tmp_path, monkeypatch):
    before = identity(folder(tmp_path / "disk1" / "pets"))
    (tmp_path / "disk1").rename(tmp_path / "disk2")
    monkeypatch.chdir(tmp_path / "disk2")
    for source in (f"folder:{tmp_path}/disk2/pets", "folder:pets", "folder:../disk2/pets/"):
        now = identity(keras_senet.data.load(source, image_size=16))
        check(before, now, tmp_path)
        assert now.description["data"]["source"] == f"folder:{tmp_path}/disk2/pets"


def test_a_renamed_file_is_named(tmp_path):
    before = identity(folder(tmp_path / "a"))
    now = identity(folder(tmp_path / "b", rename="9.png"))
    with pytest.raises(ValueError, match=r"images gone: cat/3\.png; images new: cat/9\.png\."):
        check(before, now, tmp_path)


def test_other_pixels_in_memory(tmp_path):
    digits = keras_senet.data.load("digits", image_size=16)
    check(identity(digits), identity(digits), tmp_path)
    inverted = keras_senet.data.Split(255 - digits.training.items, digits.training.labels)
    with pytest.raises(ValueError, match="pixels or files differ"):
        check(identity(digits), identity(digits.replace(training=inverted)), tmp_path)


def test_other_files_of_the_same_names(tmp_path):
    dataset = folder(tmp_path / "pets")
    before = identity(dataset)
    (tmp_path / "pets" / "dog" / "2.png").write_bytes(
        (tmp_path / "pets" / "dog" / "5.png").read_bytes()
    )
    with pytest.raises(ValueError, match="pixels or files differ"):
        check(before, identity(dataset), tmp_path)


def test_weights_are_known_by_their_contents(tmp_path):
    digits = keras_senet.data.load("digits", image_size=16)
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"one")
    (tmp_path / "c").write_bytes(b"two")
    a, b, c = (identity(digits, weights=tmp_path / name) for name in "abc")
    check(a, b, tmp_path)
    with pytest.raises(ValueError, match=r"weights to start from were '.*a' and are '.*c'"):
        check(a, c, tmp_path)
    with pytest.raises(ValueError, match=r"weights to start from were None"):
        check(identity(digits), a, tmp_path)


def test_runs_of_earlier_versions_go_on(tmp_path):
    digits = keras_senet.data.load("digits", image_size=16)
    now = identity(digits, weights="timm/x")
    old = {**now.description, "weights": "timm/x"}
    lacks = ("images_sha256", "files_sha256", "source")
    old["data"] = {k: v for k, v in old["data"].items() if k not in lacks}
    old["recipe"] = {k: v for k, v in old["recipe"].items() if k != "clip_norm"}
    now.check(old, tmp_path / "checkpoints")
    clipped = identity(digits, RECIPE.replace(clip_norm=1.0), "timm/x")
    with pytest.raises(ValueError, match=r"clip_norm was None and is 1\.0"):
        clipped.check(old, tmp_path / "checkpoints")
    old["data"]["labels_sha256"] = "of others"
    with pytest.raises(ValueError, match="its images or their labels are others"):
        now.check(old, tmp_path / "checkpoints")


def test_the_augmentation_of_the_data_is_that_of_the_run(tmp_path):
    pets = folder(tmp_path / "pets")
    recipe = training.DIGITS.replace(epochs=1, batch_size=4, warmup_epochs=0)
    training.train(NETWORK, pets, recipe, tmp_path / "run")
    said = json.loads((tmp_path / "run" / "summary.json").read_text())["recipe"]["augmentation"]
    assert said["crop"] == pets.augmentation.crop == "pad"
    other = pets.replace(augmentation=keras_senet.data.NONE)
    with pytest.raises(ValueError, match=r"recipe\.augmentation\.crop was 'pad' and is 'none'"):
        training.train(NETWORK, other, recipe, tmp_path / "run")
    before = identity(pets)  # as earlier versions described runs: None
    check(before, identity(pets, RECIPE.replace(augmentation=pets.augmentation)), tmp_path)


def test_longer_runs(tmp_path):
    digits = keras_senet.data.load("digits", image_size=16)
    check(identity(digits), identity(digits, RECIPE.replace(epochs=9)), tmp_path)
    for shape in ("cosine", "linear"):
        short = RECIPE.replace(schedule=shape, drops=())
        with pytest.raises(ValueError, match=rf"run of 4 epochs, received 9\. Its {shape} sched"):
            check(identity(digits, short), identity(digits, short.replace(epochs=9)), tmp_path)
