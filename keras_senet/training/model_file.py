"""The `.keras` files of a run: the same model is the same bytes."""

import json
import zipfile

import keras

from keras_senet.files import replacing

CONFIG, METADATA = "config.json", "metadata.json"
SHARED = "shared_object_id"


def write_model(model, path):
    """Writes a model without its optimizer: the file loads after `import keras_senet` alone.

    Keras writes the time of day and addresses in memory into its files. Here they are left out: a
    run that starts from the file is known by its bytes, and one that has ended writes it again
    whenever it is asked for.

    Args:
        model: A functional `keras.Model`.
        path: The `.keras` file, a `pathlib.Path`, which appears whole or not at all.
    """
    with replacing(path) as partial:
        saved = partial.with_name(f"saved_{partial.name}")
        keras.Model(model.inputs, model.outputs, name=model.name).save(saved)
        _repeatable(saved, partial)


def _repeatable(saved, path):
    """Copies a `.keras` file without what differs the next time."""
    changes = {CONFIG: _numbered, METADATA: _undated}
    with zipfile.ZipFile(saved) as archive, zipfile.ZipFile(path, "w") as copy:
        for name in archive.namelist():
            content = archive.read(name)
            if name in changes:
                content = json.dumps(changes[name](content)).encode()
            copy.writestr(zipfile.ZipInfo(name), content)  # of zip's first day


def _numbered(content):
    """A configuration in which objects that several layers share have numbers for addresses."""
    numbers: dict[int, int] = {}

    def number(fields):
        if SHARED in fields:
            fields[SHARED] = numbers.setdefault(fields[SHARED], len(numbers))
        return fields

    return json.loads(content, object_hook=number)


def _undated(content):
    return {name: fact for name, fact in json.loads(content).items() if name != "date_saved"}
