"""The flags of `keras-senet train` that set fields of the recipe."""

import dataclasses

import pytest

from keras_senet import data, training
from keras_senet.cli import recipe_flags, train


def recipe(*given):
    values = train.define()
    values(["train", *given])
    return recipe_flags.changed(training.RECIPES[values.recipe], values)


def test_fields_not_given_keep_their_values():
    assert recipe() == training.DIGITS
    assert recipe("--recipe=rsb_a2") == training.RSB_A2


def test_the_default_recipe_runs_one_epoch():
    assert recipe("--epochs=1") == training.DIGITS.replace(epochs=1)


def test_values_and_none():
    got = recipe(
        "--recipe=senet154",
        "--dropout=none",
        "--freeze_bn_from=None",
        "--clip_norm=0.5",
        "--drops=10, 20",
        "--freeze_stages=stem,stage2",
        "--zero_gamma",
        "--augmentation=own",
    )
    assert got == training.SENET154.replace(
        dropout=None,
        freeze_bn_from=None,
        clip_norm=0.5,
        drops=(10, 20),
        freeze_stages=("stem", "stage2"),
        zero_gamma=True,
        augmentation=None,
    )
    got = recipe("--recipe=rsb_a3", "--image_size=none", "--clip_norm=none")
    assert got == training.RSB_A3.replace(image_size=None, clip_norm=None)
    got = recipe("--recipe=cifar", "--schedule=linear", "--drops=none")
    assert got == training.CIFAR.replace(schedule="linear", drops=())
    assert recipe("--augmentation=none").augmentation == data.NONE
    assert recipe("--class_weights=balanced").class_weights == "balanced"
    assert recipe("--class_weights=1,2.5").class_weights == (1.0, 2.5)
    assert recipe("--class_weights=(1, 2.5)").class_weights == (1.0, 2.5)
    with pytest.raises(ValueError, match=r"`class_weights` must be 'balanced', .*'balance'"):
        recipe("--class_weights=balance")


def test_every_field_can_be_asked_to_be_none():
    for field in dataclasses.fields(training.Recipe):
        if field.name in ("name", "augmentation") or field.type is bool:
            continue
        try:
            value = getattr(recipe(f"--{field.name}=none"), field.name)
        except ValueError as error:
            assert f"`{field.name}`" in str(error) and "None" in str(error)
        else:
            assert value in (None, ())


def test_help_is_the_fields_sentence():
    for field in dataclasses.fields(training.Recipe):
        if field.name != "name":
            expected = " ".join(sentence(field.name).split())
            assert expected in train.define()[field.name].help


def sentence(field):
    """By another way than the program's: the lines from the field's name to the next field's."""
    lines = iter(training.Recipe.__doc__.splitlines())
    found = [
        next(line for line in lines if line.startswith(f"        {field}: ")).split(": ", 1)[1]
    ]
    for line in lines:
        if not line.startswith("            "):
            break
        found.append(line)
    return " ".join(found)
