"""The flags of train.py that set fields of the recipe."""

import dataclasses
import importlib.util
import pathlib

import pytest
from absl import flags

from keras_senet import data, training
from keras_senet.training import recipe_flags

PROGRAM = pathlib.Path(__file__).parents[2] / "train.py"


@pytest.fixture(scope="module")
def program():
    spec = importlib.util.spec_from_file_location("train_program", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def recipe(program, *given):
    flags.FLAGS.unparse_flags()
    for flag in flags.FLAGS.get_key_flags_for_module(program.__name__):
        flag.unparse()
    flags.FLAGS(["train.py", *given])
    return recipe_flags.changed(training.RECIPES[flags.FLAGS.recipe])


def test_fields_not_given_keep_their_values(program):
    assert recipe(program) == training.DIGITS
    assert recipe(program, "--recipe=rsb_a2") == training.RSB_A2


def test_the_default_recipe_runs_one_epoch(program):
    assert recipe(program, "--epochs=1") == training.DIGITS.replace(epochs=1)


def test_values_and_none(program):
    got = recipe(
        program,
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
    got = recipe(program, "--recipe=rsb_a3", "--image_size=none", "--clip_norm=none")
    assert got == training.RSB_A3.replace(image_size=None, clip_norm=None)
    got = recipe(program, "--recipe=cifar", "--schedule=linear", "--drops=none")
    assert got == training.CIFAR.replace(schedule="linear", drops=())
    assert recipe(program, "--augmentation=none").augmentation == data.NONE
    assert recipe(program, "--class_weights=balanced").class_weights == "balanced"
    assert recipe(program, "--class_weights=1,2.5").class_weights == (1.0, 2.5)
    assert recipe(program, "--class_weights=(1, 2.5)").class_weights == (1.0, 2.5)
    with pytest.raises(ValueError, match=r"`class_weights` must be 'balanced', .*'balance'"):
        recipe(program, "--class_weights=balance")


def test_every_field_can_be_asked_to_be_none(program):
    for field in dataclasses.fields(training.Recipe):
        if field.name in ("name", "augmentation") or field.type is bool:
            continue
        try:
            value = getattr(recipe(program, f"--{field.name}=none"), field.name)
        except ValueError as error:
            assert f"`{field.name}`" in str(error) and "None" in str(error)
        else:
            assert value in (None, ())


def test_help_is_the_fields_sentence(program):
    for field in dataclasses.fields(training.Recipe):
        if field.name != "name":
            expected = " ".join(sentence(field.name).split())
            assert expected in flags.FLAGS[field.name].help


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
