"""A flag of the command line for each field of a recipe."""

import dataclasses
import inspect
import re
import typing

from absl import flags

from keras_senet import data
from keras_senet.cli import program
from keras_senet.training.recipe import Recipe

AUGMENTATIONS = {
    name.lower(): value
    for name, value in vars(data).items()
    if isinstance(value, data.Augmentation)
}


class _FieldParser(flags.ArgumentParser):
    """Reads a field of a recipe, of which `None` is said as none."""

    def __init__(self, convert):
        super().__init__()
        self.convert = convert

    def parse(self, argument):
        """The value of the field; the recipe itself checks it."""
        if not isinstance(argument, str):
            return argument
        return None if argument.strip().lower() == "none" else self.convert(argument)


def _weights(text):
    """`balanced`, or numbers with commas, also in the brackets in which Python has them."""
    try:
        return tuple(map(float, text.strip().strip("()").split(",")))
    except ValueError:
        return text.strip()  # of which the recipe says what it expects


def _parser(kind):
    if kind == str | tuple[float, ...] | None:
        return _FieldParser(_weights)
    if kind in (tuple[int, ...], tuple[str, ...]):
        one = typing.get_args(kind)[0]
        return _FieldParser(lambda text: tuple(one(word.strip()) for word in text.split(",")))
    converts = (one for one in (int, float, str) if kind in (one, one | None))
    return _FieldParser(next(converts))


def define(values: flags.FlagValues) -> None:
    """Adds a flag for each field of a recipe, with its sentence; see `changed`."""
    add = program.adder(values)
    text = (inspect.getdoc(Recipe) or "").partition("Attributes:\n")[2].partition("\n\n")[0]
    sentences = dict(re.findall(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", text, re.MULTILINE))
    for field in dataclasses.fields(Recipe):
        said = " ".join(sentences.get(field.name, field.name).split())
        if field.name == "augmentation":
            names = [*sorted(AUGMENTATIONS), "own"]
            add(flags.DEFINE_enum, field.name, None, names, f"{said} Here named own.")
        elif field.type is bool:
            add(flags.DEFINE_bool, field.name, None, said)
        elif field.name != "name":
            add(flags.DEFINE, _parser(field.type), field.name, None, said)


def changed(recipe: Recipe, values: flags.FlagValues) -> Recipe:
    """The recipe with the fields whose flags were given."""
    changes = {}
    for field in dataclasses.fields(Recipe):
        if field.name == "name" or values[field.name].using_default_value:
            continue
        value = values[field.name].value
        if field.name == "augmentation":
            value = AUGMENTATIONS.get(str(value))  # of `own`, None
        changes[field.name] = () if value is None and isinstance(field.default, tuple) else value
    return recipe.replace(**changes)
